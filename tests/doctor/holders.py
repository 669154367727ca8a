"""A process that holds a lock, to be killed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from pedigree.doctor.locks import hold
with hold(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def another_holder(lock: Path, run: str = "") -> "Iterator[subprocess.Popen[str]]":
    """Another process that holds the lock, for a flow run."""
    command = [sys.executable, "-c", HOLD, str(lock), run]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise AssertionError
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def killed_holder(lock: Path, run: str = "") -> int:
    """Kill a process that holds the lock; return its number."""
    with another_holder(lock, run) as process:
        pass
    return process.pid
