"""A leash on a command: the command ends, with all it has started, when whoever holds the leash lets go or dies.

`Leash` starts this very file as a process between holder and command. Letting go is closing a pipe, which the kernel
does for a holder that is killed. The command is asked by SIGTERM, so that it can save what it has, and killed if it
has not ended after `GRACE` seconds.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

import psutil

GRACE = float(os.environ.get("PEDIGREE_GRACE", "120"))  # seconds: for a call of training steps and a checkpoint
LAST_WORDS = 60.0  # seconds for a flow run whose worker is gone to tell a server that may be gone too
PIECE = 2**16  # bytes of output read at a time


class Leash:
    """A command on a leash, as a context manager: at the end of the block the command has ended, whatever happened.

    Args:
        command: program and arguments.
        folder: where it runs.
        environment: added to the one here.
    """

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        self._keeper = subprocess.Popen(  # noqa: S603
            [sys.executable, __file__, *command],
            cwd=folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a signal to the holder's group is the holder's to pass on
        )

    def lines(self) -> Iterator[str]:
        """Yield what the command says, without line ends; a progress bar's line ends with a carriage return."""
        said = b""
        while piece := os.read(_open(self._keeper.stdout).fileno(), PIECE):
            *whole, said = re.split(rb"\r\n|(?<=\r)(?!\n)|\n", said + piece)
            yield from (line.decode(errors="replace") for line in whole)
        if said:
            yield said.decode(errors="replace")

    def wait(self) -> int:
        """Return the command's exit code once it has ended: 128 + the signal's number where a signal ended it."""
        return self._keeper.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(BrokenPipeError):
            _open(self._keeper.stdin).close()
        self._keeper.wait()
        _open(self._keeper.stdout).close()


def end_with_worker() -> None:
    """Let this process, a flow run that a Prefect worker has started, ask itself to end when the worker is gone.

    A worker that is killed leaves its flow runs behind, and no other worker knows of them. The run is asked first, so
    that it can say how it ended, and killed after `LAST_WORDS`; its stage still has its `GRACE`. Of a run by hand,
    nothing is watched.
    """
    if "PREFECT__FLOW_RUN_ID" in os.environ:
        workers = [process for process in psutil.Process().parents() if _is_prefect(process)]
        threading.Thread(target=_watch, args=[workers], daemon=True).start()


def _is_prefect(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return any("prefect" in part for part in process.cmdline())
    return False


def _watch(workers: list[psutil.Process]) -> None:
    with suppress(psutil.NoSuchProcess):
        while all(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers):
            time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_WORDS)
    os.kill(os.getpid(), signal.SIGKILL)


def keep(command: Sequence[str]) -> int:
    """Run the command in a process group of its own until it ends or the pipe on stdin closes; return its exit code."""
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, process_group=0
    ) as started:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: _end(started))
        threading.Thread(target=_end_with_holder, args=[started], daemon=True).start()
        _pass_on(_open(started.stdout))
        code = started.wait()
        _end(started)  # whatever the command has left behind
    return code if code >= 0 else 128 - code


def _end_with_holder(started: "subprocess.Popen[bytes]") -> None:
    while os.read(sys.stdin.fileno(), PIECE):
        pass
    _end(started)


def _end(started: "subprocess.Popen[bytes]") -> None:
    """Ask the command's whole group to end, and kill what of it is left after `GRACE` seconds."""
    _signal(started, signal.SIGTERM)
    until = time.monotonic() + GRACE
    while time.monotonic() < until and _signal(started, 0):
        time.sleep(0.1)
    _signal(started, signal.SIGKILL)


def _signal(started: "subprocess.Popen[bytes]", number: int) -> bool:
    """Send a signal to the group; return whether anybody is in it."""
    started.poll()
    try:
        os.killpg(started.pid, number)
    except ProcessLookupError:
        return False
    return True


def _pass_on(output: IO[bytes]) -> None:
    """Pass on what the command says as long as somebody listens; the command itself never finds its pipe closed."""
    while piece := os.read(output.fileno(), PIECE):
        with suppress(OSError):
            os.write(sys.stdout.fileno(), piece)


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the process was started without a pipe")
    return pipe


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]))
