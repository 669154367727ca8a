"""Shows that a stage runs in a project, also to other containers.

DVC takes a lock if no process here has the number of its holder, also if the holder runs in another container. So all
stages hold one lock of the kernel's, which is known in all containers that share the folder.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

FILE = Path(".dvc/tmp/stages")


@contextmanager
def stage_running(root: Path) -> Iterator[None]:
    """Hold the lock in the project at `root` while the block runs, together with other stages that run.

    Nothing happens in a folder without DVC, or if the file system has no locks.
    """
    with ExitStack() as stack:
        if (root / ".dvc").is_dir():
            with suppress(OSError):
                (root / FILE).parent.mkdir(exist_ok=True)
                fcntl.flock(stack.enter_context((root / FILE).open("a")), fcntl.LOCK_SH)
        yield
