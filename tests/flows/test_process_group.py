"""Process groups: output and exit code of a command are passed on, and no process outlives the one that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from process_group import ProcessGroup

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
PARENT = """
import sys
from pathlib import Path
from process_group import ProcessGroup
with ProcessGroup([sys.executable, "-c", sys.argv[1]], Path(sys.argv[2])) as process:
    for line in process.lines():
        print(line, flush=True)
"""


def ends(process: psutil.Process, seconds: float = 10) -> bool:
    """Return whether a process ends in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_the_command_finds_this_interpreter_where_no_environment_is_activated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    with ProcessGroup(["python", "-c", "import sys; print(sys.prefix)"], tmp_path) as process:
        assert list(process.lines()) == [sys.prefix]


def test_output_comes_in_lines_and_progress_bars_too(tmp_path: Path) -> None:
    script = (
        r"import sys; sys.stdout.write('one\r\ntwo\nhalf: 50%|##|\rwhole: 100%|####|\nlast'); sys.stderr.write('!')"
    )
    with ProcessGroup([sys.executable, "-c", script], tmp_path) as process:
        lines = list(process.lines())
    assert [line.strip("\r") for line in lines] == ["one", "two", "half: 50%|##|", "whole: 100%|####|", "last!"]


@pytest.mark.parametrize("code", [0, 1, 2, 75])
def test_the_exit_code_is_that_of_the_command(tmp_path: Path, code: int) -> None:
    with ProcessGroup([sys.executable, "-c", f"raise SystemExit({code})"], tmp_path) as process:
        assert process.wait() == code


def test_a_signal_is_an_exit_code_above_128_as_in_a_shell(tmp_path: Path) -> None:
    with ProcessGroup([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], tmp_path) as process:
        assert process.wait() == 128 + signal.SIGKILL


def test_the_command_runs_in_its_folder_with_its_environment(tmp_path: Path) -> None:
    with ProcessGroup(
        [sys.executable, "-c", "import os; print(os.getcwd(), os.environ['DOG'])"], tmp_path, {"DOG": "pug"}
    ) as process:
        assert list(process.lines()) == [f"{tmp_path} pug"]


def test_leaving_the_block_stops_the_command_once_it_has_saved_its_state(tmp_path: Path) -> None:
    with ProcessGroup([sys.executable, "-c", SLEEPER], tmp_path) as process:
        grandchild = psutil.Process(int(next(process.lines())))
    assert (tmp_path / "saved").read_text() == "all of it"
    assert ends(grandchild)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_when_its_parent_dies(tmp_path: Path, number: signal.Signals) -> None:
    flows = Path(__file__).parents[2] / "flows"
    command = [sys.executable, "-c", PARENT, SLEEPER, str(tmp_path)]
    with subprocess.Popen(command, cwd=flows, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        if parent.stdout is None:
            raise AssertionError
        grandchild = psutil.Process(int(parent.stdout.readline()))
        family = psutil.Process(parent.pid).children(recursive=True)
        parent.send_signal(number)
        parent.wait()
        assert all(ends(member) for member in [grandchild, *family])
    assert (tmp_path / "saved").read_text() == "all of it"


def test_a_command_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = "import signal, time, os; signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)"
    monkeypatch.setenv("PEDIGREE_GRACE", "0.5")
    with ProcessGroup([sys.executable, "-c", deaf], tmp_path) as process:
        command = psutil.Process(int(next(process.lines())))
    assert ends(command)
