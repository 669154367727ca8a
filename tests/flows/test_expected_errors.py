"""An error that a user can cause is one line: in the log of a worker's run and on the command line."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from expected_errors import log_in_one_line
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.exceptions import FailedRun
from prefect.flow_engine import run_flow
from prefect.logging import get_logger
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW, temporary_settings
from prefect.states import Failed
from stages import StageError, run_stages

from flows.conftest import Bakery

MESSAGE = "slice: bread is too hard: soak it first."


@flow
def bake(root: Path) -> State[Any]:
    """Run the stages, and return a failed state with the reason, as both flows do."""
    log_in_one_line()
    try:
        run_stages(root)
    except StageError as error:
        return Failed(message=str(error))
    raise AssertionError


@flow
def stumble() -> None:
    """Fail by an error that nobody expects."""
    log_in_one_line()
    raise KeyError("flour")


def failed_as_by_a_worker(what: Any, **parameters: Any) -> None:
    """Run a flow as the process of a worker does."""
    with temporary_settings({PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore"}), pytest.raises((FailedRun, KeyError)):
        run_flow(what, parameters=parameters, error_logger=get_logger("flow_runs"))


def tracebacks(records: list[logging.LogRecord]) -> list[str]:
    """Return the types of the exceptions whose tracebacks are logged."""
    return [type(record.exc_info[1]).__name__ for record in records if record.exc_info]


def test_a_run_that_fails_for_a_known_reason_logs_no_traceback(
    server: None, baked: Bakery, caplog: pytest.LogCaptureFixture
) -> None:
    (baked.root / "slice.py").write_text(f"import sys\nsys.exit({MESSAGE!r})\n")
    failed_as_by_a_worker(bake, root=baked.root)
    assert tracebacks(caplog.records) == []
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert [MESSAGE in error for error in errors] == [True]


def test_an_unexpected_error_keeps_its_traceback(server: None, caplog: pytest.LogCaptureFixture) -> None:
    failed_as_by_a_worker(stumble)
    assert set(tracebacks(caplog.records)) == {"KeyError"}


@pytest.mark.parametrize("flow_name", ["rebuild", "retrain"])
def test_a_server_that_does_not_answer_is_one_line(flow_name: str) -> None:
    url = "http://127.0.0.1:9/api"
    line = run_from_the_command_line(flow_name, PREFECT_API_URL=url)
    assert line.startswith(f"{flow_name}: Prefect's server at {url} cannot be used: Failed to reach API")
    assert line.endswith("Start it, or unset PREFECT_API_URL.\n")


def test_a_wrong_password_is_one_line(server: None) -> None:
    url = str(PREFECT_API_URL.value())
    line = run_from_the_command_line("rebuild", PREFECT_API_URL=url, PREFECT_API_AUTH_STRING="a:guess")
    reason = "it refuses the password. Set PREFECT_API_AUTH_STRING."
    assert line == f"rebuild: Prefect's server at {url} cannot be used: {reason}\n"


def run_from_the_command_line(flow_name: str, **environment: str) -> str:
    """Run a flow that fails; return what it prints."""
    command = [sys.executable, f"flows/{flow_name}.py"]
    result = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
    assert result.returncode == 1
    return result.stdout + result.stderr
