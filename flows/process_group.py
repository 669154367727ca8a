"""Run a command so that it ends, with every process it has started, when this process stops or dies.

`ProcessGroup` runs this file as a supervisor: a process between this one and the command. A pipe connects the two. The
kernel closes the pipe even if this process is killed, and the supervisor then sends SIGTERM to the command, so that it
can save its state. If the command has not ended after `GRACE_SECONDS`, the supervisor kills it.
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
from watcher import watch

GRACE_SECONDS = float(os.environ.get("PEDIGREE_GRACE", "120"))  # enough for one call of training steps and a checkpoint
REPORT_SECONDS = 60.0  # for a flow run without a worker to report its end to a server that may be gone too
CHUNK = 2**16  # bytes of output that are read at a time
POLL_SECONDS = 0.1


class ProcessGroup:
    """A command and all processes that it starts, as a context manager: when the block ends, all of them have ended.

    Args:
        command: program and arguments.
        folder: working directory.
        environment: variables to add to those of this process.
    """

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> None:
        self._supervisor = subprocess.Popen(  # noqa: S603
            [sys.executable, __file__, *command],
            cwd=folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "PATH": _own_path()} | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches this process only, which then stops the command
        )

    def lines(self) -> Iterator[str]:
        """Yield the command's output in lines, without line ends. A progress bar ends with a carriage return."""
        rest = b""
        while chunk := os.read(_open(self._supervisor.stdout).fileno(), CHUNK):
            *lines, rest = re.split(rb"\r\n|(?<=\r)(?!\n)|\n", rest + chunk)
            yield from (line.decode(errors="replace") for line in lines)
        if rest:
            yield rest.decode(errors="replace")

    def wait(self) -> int:
        """Wait until the command has ended; return its exit code, which is 128 + N if signal N ended it."""
        return self._supervisor.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(BrokenPipeError):
            _open(self._supervisor.stdin).close()
        self._supervisor.wait()
        _open(self._supervisor.stdout).close()


def _own_path() -> str:
    """Return PATH with this interpreter first: DVC's stages run `python`, also where no environment is activated."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def stop_with_worker() -> None:
    """Stop this process, a flow run that a Prefect worker has started, when the worker is gone.

    A killed worker leaves its flow runs behind, and no other worker takes care of them. The flow run gets SIGTERM, so
    that it can report its state, and is killed after `REPORT_SECONDS`; its stage still has `GRACE_SECONDS`. A flow run
    that was started by hand has no worker and is not watched.
    """
    if "PREFECT__FLOW_RUN_ID" in os.environ:
        watch()
        workers = [process for process in psutil.Process().parents() if _is_prefect(process)]
        threading.Thread(target=_watch, args=[workers], daemon=True).start()


def _is_prefect(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return any("prefect" in argument for argument in process.cmdline())
    return False


def _watch(workers: list[psutil.Process]) -> None:
    with suppress(psutil.NoSuchProcess):
        while all(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers):
            time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(REPORT_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def supervise(command: Sequence[str]) -> int:
    """Run the command in a process group of its own until it ends or stdin is closed; return its exit code."""
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, process_group=0
    ) as child:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: _stop(child))
        threading.Thread(target=_stop_when_stdin_closes, args=[child], daemon=True).start()
        _copy_output(_open(child.stdout))
        code = child.wait()
        _stop(child)  # processes that the command has left behind
    return code if code >= 0 else 128 - code


def _stop_when_stdin_closes(child: "subprocess.Popen[bytes]") -> None:
    while os.read(sys.stdin.fileno(), CHUNK):
        pass
    _stop(child)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """Send SIGTERM to the command's process group, wait, and kill the processes left after `GRACE_SECONDS`."""
    _signal(child, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and _signal(child, 0):
        time.sleep(POLL_SECONDS)
    _signal(child, signal.SIGKILL)


def _signal(child: "subprocess.Popen[bytes]", number: int) -> bool:
    """Send a signal to the process group; return whether it has any process."""
    child.poll()
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return False
    return True


def _copy_output(output: IO[bytes]) -> None:
    """Copy the command's output to stdout. If nobody reads stdout any more, read on: the command must not notice."""
    while chunk := os.read(output.fileno(), CHUNK):
        with suppress(OSError):
            os.write(sys.stdout.fileno(), chunk)


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the process was started without a pipe")
    return pipe


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1:]))
