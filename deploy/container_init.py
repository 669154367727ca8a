"""Process 1 of a container: runs a command, and ends when the last process of the container has ended.

When a Prefect worker is gone, its flow runs stop their stages, which save their state, and report that they have
crashed. If process 1 ended with the worker, the kernel would kill them. The grace period of the container limits how
long this waits.

SIGTERM and SIGINT are passed on. SIGQUIT kills the command. It is for Prefect's worker, which at SIGTERM kills its flow
runs at once, so that they report nothing.
"""

import os
import signal
import sys
from contextlib import suppress
from functools import partial

SIGNALS = {signal.SIGTERM: signal.SIGTERM, signal.SIGINT: signal.SIGINT, signal.SIGQUIT: signal.SIGKILL}


def main(command: list[str]) -> int:
    """Run the command; return its exit code, which is 128 + N if signal N ended it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # those that come too early wait
    try:
        main_process = os.posix_spawnp(command[0], command, os.environ, setsigmask=())
    except FileNotFoundError:
        print(f"container: there is no program {command[0]}", file=sys.stderr)
        return 127
    for received, sent in SIGNALS.items():
        signal.signal(received, partial(_send, sent, main_process))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    return _wait_for_all(main_process)


def _send(number: signal.Signals, process: int, *_: object) -> None:
    with suppress(ProcessLookupError):  # it has ended
        os.kill(process, number)


def _wait_for_all(main_process: int) -> int:
    """Wait until no process is left: those whose parent has ended are children of process 1."""
    code = 0
    while True:
        try:
            process, status = os.wait()
        except ChildProcessError:
            return code if code >= 0 else 128 - code
        if process == main_process:
            code = os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
