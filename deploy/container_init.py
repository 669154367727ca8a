"""Process 1 of a container: runs a command, and ends when the last process of the container has ended.

When a Prefect worker stops, its flow runs still save their state and report their end. A container whose process 1 ends
with the worker would kill them. The grace period of the container limits how long this waits.
"""

import os
import signal
import sys


def main(command: list[str]) -> int:
    """Run the command; return its exit code, which is 128 + N if signal N ended it.

    SIGTERM and SIGINT are passed on to the command.
    """
    try:
        main_process = os.posix_spawnp(command[0], command, os.environ)
    except FileNotFoundError:
        print(f"container: there is no program {command[0]}", file=sys.stderr)
        return 127
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: _pass_on(number, main_process))
    return _wait_for_all(main_process)


def _pass_on(number: int, process: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:  # it has ended
        return


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
