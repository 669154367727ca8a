"""Expected errors in one line: in the log of a run, and on the command line if Prefect's server cannot be used.

Prefect logs a traceback for every failed task, and one more for every run of a worker that ends in a failed state, even
if the flow itself has returned that state with its reason.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any

import defaults  # noqa: F401  (before Prefect)
import httpx
from isolation import CommandError
from prefect.client.schemas.objects import State
from prefect.exceptions import CancelledRun, FailedRun, PrefectException
from prefect.settings import get_current_settings
from stages import BusyError, StageError
from watcher import watch

from pedigree.errors import PedigreeError

EXPECTED = (BusyError, CommandError, PedigreeError, StageError)
LOGGERS = ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")


def log_in_one_line() -> None:
    """Log expected errors without a traceback. Their messages say all that is needed."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, EXPECTED):
        record.exc_info = None
    return not isinstance(error, FailedRun | CancelledRun)  # what the flow has returned is in the log already


def final_state(name: str, run: Callable[[], State[Any]]) -> State[Any]:
    """Run a flow from the command line and return its state. End with one line if Prefect's server cannot be used."""
    watch()
    try:
        return run()
    except (RuntimeError, httpx.HTTPError, PrefectException) as error:  # errors of the flow itself are in its state
        url = get_current_settings().api.url
        server = f"Prefect's server at {url}" if url else "Prefect's temporary server"
        reason = " ".join(str(error).split()).rstrip(".")
        advice = " Start it, or unset PREFECT_API_URL." if url else ""
        if "401 Unauthorized" in reason:
            reason, advice = "it refuses the password", " Set PREFECT_API_AUTH_STRING."
        sys.exit(f"{name}: {server} cannot be used: {reason}.{advice}")
