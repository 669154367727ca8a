"""Process 1 of a container passes signals on, and ends when the last process has ended."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from process_namespaces import CONTAINER, skip_without_namespaces

INIT = [sys.executable, str(ROOT / "deploy/container_init.py")]
# Programs that process 1 sends a signal. They leave a process behind that saves something.
ENDS_AT_TERM = 'trap "(sleep 0.5; touch saved) & exit 5" TERM; kill -TERM 1; while :; do sleep 0.05; done'
MUST_BE_KILLED = 'trap "" TERM; (sleep 0.5; touch saved) & kill -QUIT 1; while :; do sleep 0.05; done'


@pytest.fixture(autouse=True)
def containers() -> None:
    skip_without_namespaces()


@pytest.mark.parametrize(("script", "code"), [(ENDS_AT_TERM, 5), (MUST_BE_KILLED, 137)], ids=["SIGTERM", "SIGQUIT"])
def test_a_signal_ends_the_command_and_the_container_waits_for_what_it_leaves(
    tmp_path: Path, script: str, code: int
) -> None:
    done = subprocess.run([*CONTAINER, *INIT, "sh", "-c", script], cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == code
    assert (tmp_path / "saved").exists()


def test_a_missing_program_is_named_in_one_line() -> None:
    done = subprocess.run([*CONTAINER, *INIT, "nothing"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (127, "container: there is no program nothing\n")
