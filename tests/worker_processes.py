"""Real processes on this machine that train together; for tests/backends/test_workers.py and bench/jax_processes.py."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TIMEOUT = 300  # seconds; on an idle machine ten are enough

Process = subprocess.Popen[str]


def environments(backend: str, count: int) -> list[dict[str, str]]:
    """Return the environment of each of `count` processes, on free ports."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    if backend == "jax":
        same = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
        same |= {"JAX_COORDINATOR_ADDRESS": addresses[0], "JAX_NUM_PROCESSES": str(count)}
        return [same | {"JAX_PROCESS_ID": str(index)} for index in range(count)]
    tasks = [{"type": "worker", "index": index} for index in range(count)]
    return [{"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})} for task in tasks]


@contextmanager
def started(folders: list[Path], backend: str, others: dict[str, str]) -> Iterator[list[Process]]:
    """Start `pedigree train` in each folder, as workers of one cluster. All are killed at the end of the block.

    Args:
        folders: one for each worker, with params.yaml and data/crops.
        backend: "tensorflow" or "jax".
        others: further variables of the environment.
    """
    processes = []
    try:
        for folder, added in zip(folders, environments(backend, len(folders)), strict=True):
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "pedigree", "train"],
                    cwd=folder,
                    env=os.environ | added | others,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ended(process: Process) -> tuple[int, str, str]:
    """Wait for a process to end. Return its exit code, its output, and its message on stderr."""
    out, err = process.communicate(timeout=TIMEOUT)
    assert "Traceback" not in err, err
    lines = [line for line in err.splitlines() if line.startswith("pedigree train: ")]
    (message, *more) = [line for line in lines if "A second signal" not in line] or [""]
    assert not more, err
    return process.returncode, out, message


def steps_saved(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("step-")) for path in folder.glob("runs/checkpoints/*/step-*.npz"))


def await_step(processes: list[Process], folder: Path, step: int) -> None:
    since = time.monotonic()
    while not any(saved >= step for saved in steps_saved(folder)):
        assert all(process.poll() is None for process in processes), [ended(process) for process in processes]
        assert time.monotonic() - since < TIMEOUT
        time.sleep(0.005)
