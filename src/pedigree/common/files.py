"""Atomic replacement of files and folders: new content is written beside the old one, then put in its place.

A process that dies, at whatever moment, leaves the whole old content or the whole new content. Everything is flushed to
disk before it is put in place, so this also holds for a power cut.

New content is written in a scratch folder `.pedigree-*` beside the old one. A process that is killed leaves its scratch
folder. The next process that writes to the same place removes it. Each process locks its scratch folder, so that those
of living processes stay, also those of other containers. Where the file system has no locks, left-overs stay.
"""

import ctypes
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pedigree.errors import PedigreeError

SCRATCH = ".pedigree-"  # how the name of a scratch folder starts; .gitignore has it too
_LOCK, _NEW, _OLD = "lock", "new", "old"  # in a scratch folder: the owner's lock, new entries, entries taken away
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of <fcntl.h> and <linux/fs.h>
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield the path of a file to write. It replaces `path` if the block succeeds, and is removed otherwise.

    Raises:
        PedigreeError: `path` is a folder, a device or a pipe.
    """
    check_replaceable(path)
    with replacing_entries(path.parent) as new:
        yield new / path.name


def check_replaceable(path: Path) -> None:
    """Raise PedigreeError if `path` exists and is no regular file. A rename would replace even a device, /dev/null too.

    A link is replaced, not followed: DVC may link outputs to its cache.
    """
    if os.path.lexists(path) and not stat.S_ISREG(mode := path.lstat().st_mode) and not stat.S_ISLNK(mode):
        raise PedigreeError(f"{path} is not a regular file, so it is not replaced: name another file.")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill. It replaces `path` if the block succeeds, and is removed otherwise."""
    with replacing_entries(path.parent) as new:
        (new / path.name).mkdir()
        yield new / path.name


@contextmanager
def replacing_entries(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to fill. If the block succeeds, its files and folders replace those of `folder`, by name.

    Each is replaced atomically, one after the other. Other entries of `folder` stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with temporary_folder(folder) as scratch:
        new = scratch / _NEW
        new.mkdir()
        yield new
        entries = sorted(new.iterdir())
        for entry in entries:
            _flush(entry, _sync_file_system if entry.is_dir() else os.fsync)
        for entry in entries:
            _put(entry, folder / entry.name, scratch / _OLD)
        _flush(folder, os.fsync)


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a folder in `parent` that is removed after the block, or by a later call if this process is killed."""
    for leftover in parent.glob(f"{SCRATCH}*"):
        with suppress(OSError):
            remove_leftover(leftover)
    scratch, lock = _locked_folder(parent)
    try:
        yield scratch
    finally:
        try:
            _clear(scratch)
        finally:
            os.close(lock)


@contextmanager
def own_temporary_files() -> Iterator[None]:
    """Within the block, let `tempfile`, also in libraries, write to a `temporary_folder`.

    TensorFlow removes its generated code when Python exits, so it would stay after a kill.
    """
    before = tempfile.tempdir
    with temporary_folder(Path(tempfile.gettempdir())) as scratch:
        tempfile.tempdir = str(scratch)
        try:
            yield
        finally:
            tempfile.tempdir = before


def is_leftover(scratch: Path) -> bool:
    """Return whether `scratch` is a scratch folder whose process has ended."""
    try:
        lock = os.open(scratch / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return scratch.is_dir() and not any(scratch.iterdir())
    except OSError:
        return False
    try:
        return bool(_lock(lock))
    finally:
        os.close(lock)


def remove_leftover(scratch: Path) -> None:
    """Remove a scratch folder if the process that made it has ended.

    Raises:
        OSError: the folder belongs to somebody else, or is no scratch folder.
    """
    try:
        lock = os.open(scratch / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        scratch.rmdir()  # only if it is empty: the process was killed while it made or removed the folder
        return
    try:
        if _lock(lock) and os.fstat(lock).st_nlink:
            _clear(scratch)
    finally:
        os.close(lock)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, atomically."""
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _put(entry: Path, target: Path, old: Path) -> None:
    """Move `entry` to `target`. A folder there is exchanged with it, so that there is always one at `target`."""
    if not entry.is_dir() or not os.path.lexists(target):
        entry.replace(target)
    elif not _exchanged(entry, target):
        old.mkdir(exist_ok=True)
        target.rename(old / target.name)  # a process that is killed here leaves no `target`: `_clear` moves it back
        entry.rename(target)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two paths in one step; return False if the file system, the kernel or the C library cannot."""
    try:
        exchange = _libc.renameat2
    except AttributeError:
        return False
    return bool(exchange(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """Make a scratch folder and lock it. The lock ends when the returned handle is closed or the process ends."""
    while True:
        scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=parent))
        with suppress(FileNotFoundError):  # another process has removed it before it was locked
            lock = os.open(scratch / _LOCK, os.O_RDWR | os.O_CREAT)
            if _lock(lock) is not False and os.fstat(lock).st_nlink:
                return scratch, lock
            os.close(lock)


def _lock(handle: int) -> bool | None:
    """Lock an open file; return False if another process has locked it, None if the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _clear(scratch: Path) -> None:
    """Remove a scratch folder, its lock last. What was taken away and not replaced is moved back before."""
    for entry in (scratch / _OLD).glob("*"):
        if not os.path.lexists(scratch.parent / entry.name):
            entry.rename(scratch.parent / entry.name)
    with suppress(OSError):
        for entry in scratch.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name != _LOCK:
                entry.unlink()
        (scratch / _LOCK).unlink()
        scratch.rmdir()


def _flush(path: Path, sync: Callable[[int], None]) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        sync(handle)
    finally:
        os.close(handle)


def _sync_file_system(handle: int) -> None:
    """Flush the file system of an open folder: faster than to flush each of many files in it."""
    if _libc.syncfs(handle):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
