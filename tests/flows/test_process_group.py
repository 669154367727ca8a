"""The leash: what a command says and how it ends come through, and nothing it started outlives its holder."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from leash import Leash

SLEEPER = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
def save(*_):
    time.sleep(0.3)
    open("saved", "w").write("all of it")
    print("saved", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
print(child.pid, flush=True)
time.sleep(600)
"""
HOLDER = """
import sys
from pathlib import Path
from leash import Leash
with Leash([sys.executable, "-c", sys.argv[1]], Path(sys.argv[2]), {}) as started:
    for line in started.lines():
        print(line, flush=True)
"""


def wait_until(ended: psutil.Process, seconds: float = 10) -> bool:
    """Whether a process ends in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not ended.is_running() or ended.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_lines_come_through_as_they_are_said_and_bars_too(tmp_path: Path) -> None:
    said = r"import sys; sys.stdout.write('one\r\ntwo\nhalf: 50%|##|\rwhole: 100%|####|\nlast'); sys.stderr.write('!')"
    with Leash([sys.executable, "-c", said], tmp_path, {}) as started:
        lines = list(started.lines())
    assert [line.strip("\r") for line in lines] == ["one", "two", "half: 50%|##|", "whole: 100%|####|", "last!"]


@pytest.mark.parametrize("code", [0, 1, 2, 75])
def test_the_exit_code_is_the_commands(tmp_path: Path, code: int) -> None:
    with Leash([sys.executable, "-c", f"raise SystemExit({code})"], tmp_path, {}) as started:
        assert started.wait() == code


def test_an_end_by_a_signal_is_told_as_shells_do(tmp_path: Path) -> None:
    with Leash([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], tmp_path, {}) as started:
        assert started.wait() == 128 + signal.SIGKILL


def test_the_command_runs_in_its_folder_with_its_environment(tmp_path: Path) -> None:
    with Leash(
        [sys.executable, "-c", "import os; print(os.getcwd(), os.environ['DOG'])"], tmp_path, {"DOG": "pug"}
    ) as started:
        assert list(started.lines()) == [f"{tmp_path} pug"]


def test_letting_go_asks_the_command_to_end_and_waits_until_it_has_saved(tmp_path: Path) -> None:
    with Leash([sys.executable, "-c", SLEEPER], tmp_path, {}) as started:
        grandchild = psutil.Process(int(next(started.lines())))
    assert (tmp_path / "saved").read_text() == "all of it"
    assert wait_until(grandchild)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_holder_that_dies_takes_the_command_with_it(tmp_path: Path, number: signal.Signals) -> None:
    flows = Path(__file__).parents[2] / "flows"
    command = [sys.executable, "-c", HOLDER, SLEEPER, str(tmp_path)]
    with subprocess.Popen(command, cwd=flows, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as holder:
        if holder.stdout is None:
            raise AssertionError
        grandchild = psutil.Process(int(holder.stdout.readline()))
        family = psutil.Process(holder.pid).children(recursive=True)
        holder.send_signal(number)
        holder.wait()
        assert all(wait_until(member) for member in [grandchild, *family])
    assert (tmp_path / "saved").read_text() == "all of it"


def test_a_command_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = "import signal, time, os; signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)"
    monkeypatch.setenv("PEDIGREE_GRACE", "0.5")
    with Leash([sys.executable, "-c", deaf], tmp_path, {}) as started:
        command = psutil.Process(int(next(started.lines())))
    assert wait_until(command)
