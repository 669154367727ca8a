"""Checkpoints of a training run, from which an interrupted run resumes.

Each run has its own folder, `runs/checkpoints/<fingerprint>`, so that a run with other parameters, data or code never
resumes from it. A checkpoint is an uncompressed `.npz` file, followed by the SHA-256 of all its bytes.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from filelock import AcquireReturnProxy, FileLock, Timeout
from numpy.typing import NDArray

from pedigree.common import json_text
from pedigree.common.files import replacing_file, write_text
from pedigree.errors import PedigreeError

FORMAT = 1
KEPT = 2  # checkpoints of a run: the newest, and the one before it in case the newest is damaged
KEPT_RUNS = 5  # unfinished runs whose checkpoints are kept
LOCK = "lock"
NAME = "name"
STEM = "step-"
DIGEST = 64  # bytes at the end of the file: SHA-256 in hexadecimal
LOCK_PATIENCE = 0.2  # seconds to retry a lock whose file is being removed by the process that held it
CHUNK = 2**20
_NAME = re.compile(rf"{STEM}[0-9]{{8,18}}\.npz")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state after `step` steps. `facts` is stored as JSON: tuples are read back as lists, keys as strings."""

    step: int
    arrays: dict[str, NDArray[Any]]  # NumPy's own booleans, integers and floats, of any shape
    facts: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run, `folder/<fingerprint>/step-<step>.npz`: the last two.

    If the process is killed while it writes a checkpoint, the earlier ones are still there. An unfinished run can be
    resumed later, but only the `KEPT_RUNS` with the newest checkpoints are kept: each `save` removes the others, except
    those that are running.
    """

    def __init__(self, folder: Path, fingerprint: str, label: str = "run") -> None:
        self.folder, self.run, self.label = folder, folder / fingerprint, label
        self._lock: FileLock | None = None  # while the run is held

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the run against other processes inside the block. The lock ends with the process, even if it is killed.

        A run without checkpoints has no folder after the block.

        Raises:
            PedigreeError: another process holds the lock.
        """
        lock = _lock_of(self.run)
        try:
            _acquire(lock)
        except Timeout:
            holder = (self.run / LOCK).read_text(encoding="utf-8").strip()
            raise PedigreeError(
                f"the same training is already running as process {holder} ({self.run}): wait for it or stop it."
            ) from None
        self._lock = lock
        try:
            yield
        finally:
            if lock.is_locked and not self._files():
                self.clear()
            lock.release()

    @cached_property
    def name(self) -> str:
        """The label and the time when the run was first started, also if it was killed before its first checkpoint."""
        path = self.run / NAME
        if not path.exists():
            write_text(path, f"{self.label}-{datetime.now():%Y%m%d-%H%M%S}")
        return path.read_text(encoding="utf-8")

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint to the disk, then remove all but it and the newest before it.

        Raises:
            TypeError: an array has a type that is not NumPy's own (bfloat16), or `facts` cannot be written as JSON.
        """
        path = self.run / f"{STEM}{checkpoint.step:08d}.npz"
        with replacing_file(path) as beside, beside.open("w+b") as file:
            _write(file, checkpoint)
        others = [other for other in self._files() if other != path]
        for old in others[: len(others) - (KEPT - 1)]:
            old.unlink()
        self._remove_old_runs()

    def latest(self, up_to: int | None = None) -> Checkpoint | None:
        """Return the newest intact checkpoint of at most `up_to` steps. Report and remove damaged ones."""
        files = [path for path in self._files() if up_to is None or _step(path) <= up_to]
        while files:
            path = files.pop()
            try:
                with path.open("rb") as file:
                    return _read(file)
            except _UnusableCheckpointError as reason:
                path.unlink()
                instead = f"resuming from step {_step(files[-1])}" if files else "there is no earlier one"
                print(f"{path} {reason}: removed, {instead}.", file=sys.stderr)
        return None

    def clear(self) -> None:
        """Remove the run's folder, and `folder` too if it is empty then. This releases the lock."""
        shutil.rmtree(self.run, ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()
        if self._lock:
            self._lock.release()

    def _files(self) -> list[Path]:
        return sorted((path for path in self.run.glob(f"{STEM}*.npz") if _NAME.fullmatch(path.name)), key=_step)

    def _remove_old_runs(self) -> None:
        known = {path.parent for path in self.folder.glob("*/*") if path.name == LOCK or STEM in path.name}
        newest = sorted(known - {self.run}, key=_changed, reverse=True)
        for run in newest[KEPT_RUNS - 1 :]:
            with suppress(Timeout), _acquire(_lock_of(run)):
                shutil.rmtree(run, ignore_errors=True)


def to_bytes(checkpoint: Checkpoint | None) -> bytes:
    """Return the bytes of a checkpoint's file; no bytes for None."""
    file = BytesIO()
    if checkpoint is not None:
        _write(file, checkpoint)
    return file.getvalue()


def from_bytes(content: bytes) -> Checkpoint | None:
    """Return the checkpoint, or None, that `to_bytes` got."""
    return _read(BytesIO(content)) if content else None


class _UnusableCheckpointError(Exception):
    """Why a run cannot resume from a file, in a few words."""


def _step(path: Path) -> int:
    return int(path.stem.removeprefix(STEM))


def _changed(run: Path) -> float:
    """Return when a checkpoint was last added to the folder, in seconds; 0 if another process has removed it."""
    try:
        return run.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _lock_of(run: Path) -> FileLock:
    """Return the lock of a run. Without a kernel lock it would outlive a killed process, so there is no fallback."""
    return FileLock(run / LOCK, fallback_to_soft=False)


def _acquire(lock: FileLock) -> AcquireReturnProxy[FileLock]:
    """Take the lock, creating its folder if needed, and write this process's id into its file.

    Raises:
        Timeout: another process holds the lock.
    """
    while True:
        try:
            held = lock.acquire(timeout=LOCK_PATIENCE)
        except FileNotFoundError:  # the process that held it has just removed the folder
            continue
        Path(lock.lock_file).write_text(f"{os.getpid()}\n", encoding="utf-8")
        return held


def _write(file: IO[bytes], checkpoint: Checkpoint) -> None:
    for name, array in checkpoint.arrays.items():
        if array.dtype.kind not in "biuf" or array.dtype.isbuiltin != 1:
            raise TypeError(f"a checkpoint can only hold NumPy's own numbers. Received: {name} of {array.dtype}")
    head = {"format": FORMAT, "step": checkpoint.step, "facts": checkpoint.facts}
    members = {f"arrays/{name}": array for name, array in checkpoint.arrays.items()}
    np.savez(file, allow_pickle=False, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **members)
    file.write(_digest(file, file.tell()))


def _read(file: IO[bytes]) -> Checkpoint:
    content = file.seek(0, os.SEEK_END) - DIGEST
    if content <= 0 or _digest(file, content) != file.read(DIGEST):
        raise _UnusableCheckpointError("is cut or damaged")
    file.seek(0)
    with np.load(file, allow_pickle=False) as members:
        head = json_text.parse(members["head"].tobytes())
        if head["format"] != FORMAT:
            raise _UnusableCheckpointError(f"has format {head['format']}, but this version reads format {FORMAT}")
        arrays = {name.removeprefix("arrays/"): members[name] for name in members.files if name != "head"}
        return Checkpoint(head["step"], arrays, head["facts"])


def _digest(file: IO[bytes], length: int) -> bytes:
    """Return the SHA-256, in hexadecimal, of the first `length` bytes of `file`; its position is after them."""
    digest = hashlib.sha256()
    file.seek(0)
    while length and (part := file.read(min(length, CHUNK))):
        digest.update(part)
        length -= len(part)
    return digest.hexdigest().encode()
