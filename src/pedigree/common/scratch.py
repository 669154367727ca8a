"""Where a project's stages have scratch folders, which a killed process leaves."""

import tempfile
from contextlib import suppress
from itertools import chain
from pathlib import Path

from pedigree.common.files import SCRATCH, remove_leftover

FOLDERS = ("data", "models", "reports", "runs")  # also the folders in them


def places(root: Path) -> list[Path]:
    """Return the folders of the project at `root` in which stages write."""
    found = [root]
    for name in FOLDERS:
        found += [root / name, *(path for path in (root / name).glob("*") if path.is_dir())]
    return found


def scratch_folders(root: Path) -> list[Path]:
    """List the scratch folders in the project at `root` and among temporary files, of living processes too."""
    folders = [Path(tempfile.gettempdir()), *places(root)]
    return list(chain.from_iterable(sorted(folder.glob(f"{SCRATCH}*")) for folder in folders))


def remove_leftovers(root: Path) -> None:
    """Remove the scratch folders of processes that have ended."""
    for folder in scratch_folders(root):
        with suppress(OSError):  # of somebody else, or no scratch folder
            remove_leftover(folder)
