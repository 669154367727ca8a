"""Locks of a project: its own, which flows hold while they run, and what a killed DVC has left of DVC's.

A flow's lock is a file in `.dvc/tmp` that is locked by the kernel (`flock`) as long as the flow runs. The kernel also
releases it if the flow is killed, and knows it in all containers that share the folder. Its content names the holder. A
holder that was killed leaves its name there.

DVC's lock on a stage is a list of processes in `.dvc/tmp/rwlock`. If DVC is killed while it writes this file, a part of
it is left, and every later `dvc repro` fails. DVC knows a process of the list by its number: if another program gets
this number, as 1 in a container, the stage stays busy.
"""

import fcntl
import json
import os
import shlex
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from pedigree.doctor import running_stages
from pedigree.errors import PedigreeError

FOLDER = Path(".dvc/tmp")
DVC_LOCKS = FOLDER / "rwlock"
DVC_GUARD = FOLDER / "rwlock.lock"  # locked by the kernel while DVC reads and writes the list
UNKNOWN = "an unknown process"
_OF_DVC = {DVC_GUARD.name}
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class LockedError(PedigreeError):
    """Somebody else holds a lock. The message names the holder."""


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock, or that was killed while it held the lock.

    Attributes:
        host: name of its machine or container.
        boot: what distinguishes that run of the machine from all others; containers share it.
        process: its number.
        id: of this holding of the lock.
        run: id of its flow run in Prefect; empty if it has none.
    """

    host: str
    boot: str
    process: int
    id: str
    run: str = ""

    def __str__(self) -> str:
        """The process and its machine."""
        elsewhere = "" if self.boot == _boot() else ", another machine"
        return f"process {self.process} on {self.host}{elsewhere}"


@dataclass(frozen=True)
class DeadLock:
    """A lock that a killed DVC has left behind.

    Attributes:
        path: the file. It can be removed if no DVC command is running in the project.
        problem: what is wrong with it.
    """

    path: Path
    problem: str

    def __str__(self) -> str:
        """The problem and what to do, in one line."""
        command = f"rm {shlex.quote(str(self.path))}"
        return f"{self.problem} If no DVC command is running in this project, remove the file: {command}"


@contextmanager
def hold(path: Path, run: str = "") -> Iterator[Holder | None]:
    """Hold the lock `path` while the block runs.

    Args:
        path: the lock.
        run: id of this flow run in Prefect; empty if it has none.

    Yields:
        The last holder if it was killed, None if it released the lock.

    Raises:
        LockedError: at once, if another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        if not _lock(file):
            raise LockedError(str(_holder(file) or UNKNOWN))
        killed = _holder(file)
        file.truncate(0)
        json.dump(asdict(Holder(socket.gethostname(), _boot(), os.getpid(), str(uuid.uuid4()), run)), file)
        file.flush()
        os.fsync(file.fileno())  # the name must outlive a power failure
        try:
            yield killed
        finally:
            file.truncate(0)


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock `path`."""
    try:
        with path.open("r+", encoding="utf-8") as file:
            return not _lock(file)
    except FileNotFoundError:
        return False


def dead_locks(root: Path) -> list[DeadLock]:
    """Return what killed DVC commands have left of DVC's locks in the project at `root`."""
    path = root / DVC_LOCKS
    if is_held(root / DVC_GUARD):
        return []
    try:
        listed = list(_processes(json.loads(path.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError, AttributeError):
        return [DeadLock(path, f"DVC's list of locks {path} is damaged: DVC was killed while it wrote the file.")]
    return [
        DeadLock(
            path, f"DVC's list of locks {path} names process {number} ({command}), but that is another program here."
        )
        for number, command in sorted(set(listed))
        if _is_another(number, command)
    ]


def holders(root: Path, flow: str = "") -> list[str]:
    """Return who holds locks of the project at `root`: flows other than `flow`, stages, DVC commands that run here."""
    flows = [path for path in _flow_locks(root) if path.stem != flow and is_held(path)]
    stages = ["a stage, here or in another container"] if is_held(root / running_stages.FILE) else []
    return [*(f"the flow {path.stem} ({_read(path) or UNKNOWN})" for path in flows), *stages, *dvc_commands(root)]


def killed_holders(root: Path) -> list[Holder]:
    """Return who was killed while it held a flow's lock of the project at `root`."""
    names = [_read(path) for path in _flow_locks(root) if not is_held(path)]
    return [holder for holder in names if holder]


def remove(dead: DeadLock, root: Path, flow: str = "") -> bool:
    """Remove a dead lock of the project at `root`; return False if another than `flow` works there, see `holders`."""
    if holders(root, flow):
        return False
    with (root / DVC_GUARD).open("a") as guard:
        if not _lock(guard):
            return False
        dead.path.unlink(missing_ok=True)
    return True


def dvc_commands(root: Path) -> Iterator[str]:
    """Yield the DVC commands that run in the folder `root` or below it, on this machine."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            folder, command = (process / "cwd").readlink(), (process / "cmdline").read_text(errors="replace")
        except OSError:  # it has ended, or belongs to somebody else
            continue
        words = command.rstrip("\0").split("\0")
        if folder.is_relative_to(root.resolve()) and _is_dvc(words):
            yield f"{' '.join(words)} (process {process.name})"


def _is_dvc(words: list[str]) -> bool:
    """Return whether a command line is `dvc …` or `python -m dvc …`."""
    return any(Path(word).name == "dvc" or word.endswith("dvc/__main__.py") for word in words[:4])


def _flow_locks(root: Path) -> list[Path]:
    return [path for path in sorted((root / FOLDER).glob("*.lock")) if path.name not in _OF_DVC]


def _read(path: Path) -> Holder | None:
    with path.open(encoding="utf-8") as file:
        return _holder(file)


def _lock(file: IO[str]) -> bool:
    """Lock a file until it is closed; return whether that was possible."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: IO[str]) -> Holder | None:
    """Return the holder that a lock's file names, None if it names none."""
    file.seek(0)
    try:
        return Holder(**json.load(file))
    except (ValueError, TypeError):
        return None


def _boot() -> str:
    """Return what distinguishes this run of this machine from all others; containers share it."""
    return _BOOT.read_text(encoding="ascii").strip()


def _processes(locks: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield the number and the command of every process in DVC's list."""
    for holder in [*locks.get("write", {}).values(), *(one for many in locks.get("read", {}).values() for one in many)]:
        yield int(holder["pid"]), str(holder["cmd"])


def _is_another(number: int, command: str) -> bool:
    """Return whether a process runs, and is not the one that DVC listed. DVC itself removes those that do not run."""
    try:
        running = Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return False
    program, *arguments = command.split(" ")
    own = " ".join(running)  # empty for a moment while a program starts
    return bool(own) and not (own.endswith(" ".join(arguments)) if arguments else Path(program).name in own)
