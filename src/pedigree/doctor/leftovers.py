"""What killed processes leave: scratch folders, and locks of DVC. `--fix` removes what no living process owns."""

import tempfile
from functools import partial
from itertools import chain
from pathlib import Path

from pedigree.common.files import SCRATCH, is_leftover, remove_leftover
from pedigree.doctor import locks
from pedigree.doctor.finding import Finding, fine

FOLDERS = ("data", "models", "reports", "runs")  # also their folders


def check_scratch(root: Path) -> list[Finding]:
    """Return a finding about the scratch folders left in the project at `root` and among temporary files."""
    left = [path for path in _scratch(root) if is_leftover(path)]
    if not left:
        return [fine("left-overs", "killed processes have left no scratch folder")]
    names = ", ".join(map(str, left))
    text = f"killed processes have left {len(left)} scratch folder(s): {names}"
    return [Finding("left-overs", "note", text, "pedigree doctor --fix removes them", partial(_remove_scratch, left))]


def check_locks(root: Path) -> list[Finding]:
    """Return findings about dead locks of DVC, and about who holds living ones."""
    remedy = "pedigree doctor --fix removes the file if no DVC command runs in this project"
    dead = [
        Finding("locks", "problem", lock.problem.rstrip("."), remedy, partial(_remove_lock, lock, root))
        for lock in locks.dead_locks(root)
    ]
    if dead:
        return dead
    if holders := locks.holders(root):
        return [Finding("locks", "note", f"in use by {', '.join(holders)}: other runs wait or are refused")]
    return [fine("locks", "no lock is held, and killed commands have left none")]


def _scratch(root: Path) -> list[Path]:
    places = [root, Path(tempfile.gettempdir())]
    for name in FOLDERS:
        places += [root / name, *(path for path in (root / name).glob("*") if path.is_dir())]
    return list(chain.from_iterable(sorted(place.glob(f"{SCRATCH}*")) for place in places))


def _remove_scratch(left: list[Path]) -> list[str]:
    for path in left:
        remove_leftover(path)
    return [str(path) for path in left if not path.exists()]


def _remove_lock(lock: locks.DeadLock, root: Path) -> list[str]:
    return [str(lock.path)] if locks.remove(lock, root) else []
