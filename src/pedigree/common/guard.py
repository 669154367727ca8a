"""Runs a command so that it ends with an exit code and at most one line about what went wrong, never a traceback."""

import os
import select
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from pedigree.common.printable import printable
from pedigree.errors import PedigreeError

EXTRAS = {  # package → its extra; the stages' packages: pipeline
    "av": "video",
    "distributed": "dask",
    "fastapi": "studio",
    "jax": "jax",
    "prometheus_client": "studio",
    "starlette": "studio",
    "uvicorn": "studio",
}
NO_MEMORY = (
    "memory is short: close other programs, raise the limit of the process (`ulimit -v`), or lower the sizes in "
    "params.yaml or on the command line"
)
LONGEST = 300  # characters of an unknown error's message on the terminal; the file has all of it

_SHORT_OF_MEMORY = (
    "ResourceExhaustedError",  # TensorFlow
    "RESOURCE_EXHAUSTED",  # JAX
    "could not create a primitive",  # oneDNN, which gives no other reason
    "Cannot allocate memory",
    "can't start new thread",
    "failed to map segment from shared object",
)


def guarded(command: Callable[[], int], name: str) -> int:
    """Run `command`; return its exit code, or print one line that begins with `name` and return the error's code.

    A PedigreeError gives its own exit code, an interruption 130, a reader of stdout that has gone 141, and every other
    error 1. An unknown error is a fault of Pedigree: its traceback is written to a file, which the line names.
    """
    _open_closed_streams()
    _print_everything()
    try:
        code = command()
        sys.stdout.flush()  # here, so that an error of stdout is handled here
        return code
    except KeyboardInterrupt:
        return _fail(name, "interrupted", 130)
    except BrokenPipeError as error:
        # 141 as for a program that SIGPIPE ends; any other pipe that breaks is an error
        return 141 if _has_no_reader(sys.stdout) else _fail(name, _message(error), 1)
    except Exception as error:  # nothing that a person does may end in a traceback
        return _fail(name, _message(error), error.exit_code if isinstance(error, PedigreeError) else 1)
    finally:
        _discard(sys.stdout)


def _message(error: Exception) -> str:
    """Return what to print about an error."""
    if isinstance(error, PedigreeError):
        return str(error)
    if is_short_of_memory(error):
        return NO_MEMORY
    if isinstance(error, ModuleNotFoundError) and (message := _missing(error)):
        return message
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{where}"
    return _report(error)


def is_short_of_memory(error: BaseException) -> bool:
    """Whether Python, NumPy, TensorFlow, JAX or the system says that memory is short, even as the cause of an error."""
    chain: BaseException | None = error
    while chain is not None:
        text = f"{type(chain).__name__} {chain}"
        if isinstance(chain, MemoryError) or any(words in text for words in _SHORT_OF_MEMORY):
            return True
        chain = chain.__cause__
    return False


def _missing(error: ModuleNotFoundError) -> str:
    """Return the message for a package that is not installed: its name, and the extra that installs it.

    It is empty where no extra can help.
    """
    package = (error.name or "").partition(".")[0]
    if not package or package == "pedigree" or package in sys.stdlib_module_names:
        return ""
    return f"{package} is not installed: pip install 'pedigree[{EXTRAS.get(package, 'pipeline')}]'"


def _report(error: Exception) -> str:
    """Write the traceback of an unknown error to a file, and return a line that names the error and the file."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    short = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    try:
        handle, path = tempfile.mkstemp(prefix="pedigree-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(printable("".join(traceback.format_exception(error))))
    except OSError:
        return f"an error inside Pedigree ({short}). Please report it."
    return f"an error inside Pedigree ({short}). Please report it with the file {Path(path)}."


def _fail(name: str, message: str, code: int) -> int:
    """Print a message on stderr; return the exit code."""
    with suppress(OSError):
        print(f"{name}: {printable(message)}", file=sys.stderr, flush=True)
    return code


def _open_closed_streams() -> None:
    """Open /dev/null in place of a stream that was closed before the start.

    Otherwise the next file that is opened gets its number, and receives what libraries print.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))


def _print_everything() -> None:
    """Make stdout and stderr escape what their encoding cannot express, in place of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def _has_no_reader(stream: TextIO | None) -> bool:
    """Whether `stream` is a pipe whose reader has gone."""
    poll = select.poll()
    if not stream:
        return False
    try:
        poll.register(stream, select.POLLOUT)
    except (OSError, ValueError):  # a stream without a file
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _discard(stream: TextIO | None) -> None:
    """Discard what `stream` still holds if it cannot be written. Python would try again at its end, and complain."""
    if not stream:
        return
    try:
        stream.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
