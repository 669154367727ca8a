"""What an interrupted run of training goes on from: its newest whole state, by what decides the run's results.

A run has a folder of its own, `runs/checkpoints/<fingerprint>`, so that other parameters, data or code never pick its
state up. A checkpoint is an uncompressed `.npz` behind which stands the SHA-256 of all its bytes.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pedigree.common.files import replacing_file
from pedigree.errors import PedigreeError

FORMAT = 1
KEPT = 2  # checkpoints of a run: the newest, and one should that be damaged
KEPT_RUNS = 5  # unfinished runs whose state stays
LOCK = "lock"
STEM = "step-"
DIGEST = 64  # bytes at the end of the file: SHA-256 as text
CHUNK = 2**20


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state after `step` steps. `facts` is what JSON holds: tuples come back as lists, keys as text."""

    step: int
    arrays: dict[str, NDArray[Any]]  # booleans, integers and floats that NumPy itself knows, of any shape
    facts: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run, `folder/<fingerprint>/step-<step>.npz`: the last two.

    A process that is killed while it writes leaves those there were. Runs given up stay resumable, but for the
    `KEPT_RUNS` with the newest checkpoints all are removed whenever one is saved, unless they are running.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder, self.run = folder, folder / fingerprint

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from this run while the block lasts; the lock ends with the process, however that ends.

        Raises:
            PedigreeError: where another process holds the run.
        """
        try:
            lock = _lock(self.run)
        except BlockingIOError:
            holder = (self.run / LOCK).read_text(encoding="utf-8").strip()
            raise PedigreeError(
                f"the same training runs already, as process {holder} ({self.run}): wait for it or end it."
            ) from None
        with lock:
            for leftover in self.run.glob(f".{STEM}*"):  # a process was killed while it wrote
                leftover.unlink()
            try:
                yield
            finally:
                if not self._files() and _is_at(lock, self.run / LOCK):
                    self.clear()

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint through to the disk, then remove all but it and the newest before it.

        Raises:
            TypeError: where an array has a type of another package's (bfloat16), or `facts` holds what JSON does not.
        """
        path = self.run / f"{STEM}{checkpoint.step:08d}.npz"
        with replacing_file(path) as beside, beside.open("w+b") as file:
            _write(file, checkpoint)
        others = [other for other in self._files() if other != path]
        for old in others[: len(others) - (KEPT - 1)]:
            old.unlink()
        self._forget_runs()

    def latest(self, up_to: int | None = None) -> Checkpoint | None:
        """Return the newest whole checkpoint, of at most `up_to` steps; tell of damaged ones and remove them."""
        files = [path for path in self._files() if up_to is None or _step(path) <= up_to]
        while files:
            path = files.pop()
            try:
                with path.open("rb") as file:
                    return _read(file)
            except _UnfitError as reason:
                path.unlink()
                instead = f"going on from step {_step(files[-1])}" if files else "there is none before it"
                print(f"{path} {reason}: removed, {instead}.", file=sys.stderr)
        return None

    def clear(self) -> None:
        """Remove the run's folder, and the one around it if that is empty then."""
        shutil.rmtree(self.run, ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _files(self) -> list[Path]:
        return sorted(self.run.glob(f"{STEM}*.npz"), key=_step)

    def _forget_runs(self) -> None:
        known = {path.parent for path in self.folder.glob("*/*") if path.name == LOCK or STEM in path.name}
        newest = sorted(known - {self.run}, key=_changed, reverse=True)
        for run in newest[KEPT_RUNS - 1 :]:
            with suppress(BlockingIOError), _lock(run):
                shutil.rmtree(run, ignore_errors=True)


def to_bytes(checkpoint: Checkpoint | None) -> bytes:
    """Return what a checkpoint's file holds; of None, nothing."""
    file = BytesIO()
    if checkpoint is not None:
        _write(file, checkpoint)
    return file.getvalue()


def from_bytes(content: bytes) -> Checkpoint | None:
    """Return the checkpoint, or None, that `to_bytes` was given."""
    return _read(BytesIO(content)) if content else None


class _UnfitError(Exception):
    """Why a file cannot be gone on from, in a few words."""


def _step(path: Path) -> int:
    return int(path.stem.removeprefix(STEM))


def _changed(run: Path) -> float:
    """When a checkpoint was last added to the folder, in seconds; 0 where another process has removed it."""
    try:
        return run.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _lock(run: Path) -> IO[str]:
    """Lock the folder `run`, made where missing, until the file returned is closed.

    Raises:
        BlockingIOError: where another process has locked it.
    """
    run.mkdir(parents=True, exist_ok=True)
    lock = (run / LOCK).open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        lock.close()
        raise
    if not _is_at(lock, run / LOCK):  # whoever held it has just removed it
        lock.close()
        return _lock(run)
    lock.truncate(0)
    print(os.getpid(), file=lock, flush=True)
    return lock


def _is_at(file: IO[str], path: Path) -> bool:
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())


def _write(file: IO[bytes], checkpoint: Checkpoint) -> None:
    for name, array in checkpoint.arrays.items():
        if array.dtype.kind not in "biuf" or array.dtype.isbuiltin != 1:
            raise TypeError(f"a checkpoint holds NumPy's own numbers. Received: {name} of {array.dtype}")
    head = {"format": FORMAT, "step": checkpoint.step, "facts": checkpoint.facts}
    members = {f"arrays/{name}": array for name, array in checkpoint.arrays.items()}
    np.savez(file, allow_pickle=False, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **members)
    file.write(_digest(file, file.tell()))


def _read(file: IO[bytes]) -> Checkpoint:
    content = file.seek(0, os.SEEK_END) - DIGEST
    if content <= 0 or _digest(file, content) != file.read(DIGEST):
        raise _UnfitError("is cut or damaged")
    file.seek(0)
    with np.load(file, allow_pickle=False) as members:
        head = json.loads(members["head"].tobytes())
        if head["format"] != FORMAT:
            raise _UnfitError(f"has format {head['format']}, where this version reads {FORMAT}")
        arrays = {name.removeprefix("arrays/"): members[name] for name in members.files if name != "head"}
        return Checkpoint(head["step"], arrays, head["facts"])


def _digest(file: IO[bytes], length: int) -> bytes:
    """Return the SHA-256, as text, of the first `length` bytes of `file`, which is left behind them."""
    digest = hashlib.sha256()
    file.seek(0)
    while length and (part := file.read(min(length, CHUNK))):
        digest.update(part)
        length -= len(part)
    return digest.hexdigest().encode()
