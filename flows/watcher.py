"""A process that ends what a flow has started, if the flow is killed: Prefect's temporary server, DVC and git commands.

`watch` starts this file as a process and connects it with a pipe. The kernel closes the pipe when the flow ends, also
if it is killed. The watcher then sends SIGTERM to what the flow has left behind, and SIGKILL to what still runs after
`SECONDS`. It knows these processes by a variable in their environment. A `ProcessGroup` has a session of its own and
ends by itself.
"""

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress

import psutil

VARIABLE = "PEDIGREE_FLOW"
SECONDS = 180.0  # enough for a worker, which waits for a stage that saves its state

_pipes: list[int] = []  # the end of the pipe that the kernel closes when this process ends


def watch() -> None:
    """Have everything that this process starts from now on ended when it ends, even if it is killed."""
    if not _pipes:
        os.environ[VARIABLE] = uuid.uuid4().hex
        command = [sys.executable, __file__, os.environ[VARIABLE], str(os.getsid(0))]
        reads, writes = os.pipe()
        # Python's Popen warns about a process that is still running when the interpreter ends, as this one should be.
        to_stdin = (os.POSIX_SPAWN_DUP2, reads, 0)
        os.posix_spawn(sys.executable, command, os.environ, file_actions=[to_stdin], setsid=True)
        os.close(reads)
        _pipes.append(writes)


def _end_remains(mark: str, session: int) -> None:
    remains = list(_remains(mark, session))
    for process in remains:
        with suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(remains, SECONDS)
    for process in _remains(mark, session):  # also those that were started meanwhile
        with suppress(psutil.Error):
            process.kill()


def _remains(mark: str, session: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if process.environ().get(VARIABLE) == mark and os.getsid(process.pid) == session:
                yield process


if __name__ == "__main__":
    sys.stdin.buffer.read()
    _end_remains(sys.argv[1], int(sys.argv[2]))
