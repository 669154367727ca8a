import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pedigree.common.processes import FEW, map_in_processes
from pedigree.errors import PedigreeError


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def fatal(number: int) -> int:
    if number == FEW:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def failing(number: int) -> int:
    raise ValueError(f"{number}")


def test_results_are_in_order_and_many_are_computed_elsewhere() -> None:
    here = list(map_in_processes(square, range(FEW - 1)))
    there = list(map_in_processes(square, range(2 * FEW), workers=2))
    assert [result for result, _ in here] == [number * number for number in range(FEW - 1)]
    assert [result for result, _ in there] == [number * number for number in range(2 * FEW)]
    assert {pid for _, pid in here} == {os.getpid()} and os.getpid() not in {pid for _, pid in there}


def test_an_exception_is_raised_here_and_a_killed_process_is_one_clear_error() -> None:
    with pytest.raises(ValueError, match=r"^0$"):
        list(map_in_processes(failing, range(2 * FEW), workers=2))
    with pytest.raises(PedigreeError, match="A worker process died"):
        list(map_in_processes(fatal, range(2 * FEW), workers=2))


SCRIPT = """
import os, sys, time
from pathlib import Path
from pedigree.common.processes import map_in_processes
def slow(number):
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(0.03)
list(map_in_processes(slow, range(1000), workers=2))
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_processes_end_with_their_parent(tmp_path: Path, ending: signal.Signals) -> None:
    command = [sys.executable, "-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)" + SCRIPT]
    parent = subprocess.Popen([*command, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    while len(list(tmp_path.iterdir())) < 2:
        assert parent.poll() is None
        time.sleep(0.05)
    parent.send_signal(ending)
    _, output = parent.communicate(timeout=60)
    assert output.count("Traceback") <= 1
    deadline = time.monotonic() + 60
    while any(Path("/proc", path.name).exists() for path in tmp_path.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
