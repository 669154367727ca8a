"""What killed processes leave: scratch folders, and locks of DVC. `--fix` removes what no living process owns."""

import re
from functools import partial
from pathlib import Path

from pedigree.common.files import is_leftover, remove_leftover
from pedigree.common.scratch import places, scratch_folders
from pedigree.doctor import locks
from pedigree.doctor.finding import Finding, fine

_COPY_OF_DVC = re.compile(r"\.[\w-]{22}\.tmp", re.ASCII)  # a file that DVC copies out of its cache, until it is whole


def check_scratch(root: Path) -> list[Finding]:
    """Return a finding about the scratch folders left in the project at `root` and among temporary files."""
    left = [path for path in scratch_folders(root) if is_leftover(path)]
    if not left:
        return [fine("left-overs", "killed processes have left no scratch folder")]
    names = ", ".join(map(str, left))
    text = f"killed processes have left {len(left)} scratch folder(s): {names}"
    return [Finding("left-overs", "note", text, "pedigree doctor --fix removes them", partial(_remove_scratch, left))]


def check_copies(root: Path) -> list[Finding]:
    """Return a finding about the unfinished copies that killed DVC commands have left in the project at `root`."""
    if not (left := unfinished_copies(root)):
        return [fine("copies", "killed DVC commands have left no unfinished copy")]
    text = f"killed DVC commands have left {len(left)} unfinished copy(s): {', '.join(map(str, left))}"
    return [Finding("copies", "note", text, "pedigree doctor --fix removes them", partial(remove_copies, root))]


def unfinished_copies(root: Path) -> list[Path]:
    """List the files that DVC has begun to copy into the project at `root`; none while a DVC command runs there."""
    if any(locks.dvc_commands(root)):
        return []
    folders = [folder for place in places(root) for folder in (place, *place.glob("*")) if folder.is_dir()]
    found = {path for folder in folders for path in folder.glob(".*.tmp") if _COPY_OF_DVC.fullmatch(path.name)}
    return sorted(found)


def remove_copies(root: Path) -> list[str]:
    """Remove the unfinished copies of killed DVC commands; return their names."""
    left = unfinished_copies(root)
    for path in left:
        path.unlink(missing_ok=True)
    return [str(path) for path in left]


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


def _remove_scratch(left: list[Path]) -> list[str]:
    for path in left:
        remove_leftover(path)
    return [str(path) for path in left if not path.exists()]


def _remove_lock(lock: locks.DeadLock, root: Path) -> list[str]:
    return [str(lock.path)] if locks.remove(lock, root) else []
