"""Interruption of training: the first SIGTERM or SIGINT makes it save its state and stop, a second one ends it."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from types import FrameType
from typing import NoReturn

from pedigree.common.signals import SIGNALS

# Seconds after a signal in which a second one is ignored as a duplicate, because `timeout` sends two signals at once.
DUPLICATE_WINDOW = 0.5

_SAVING = "interrupted: it saves its state after this step. A second signal ends it without saving."


@dataclass
class Interruption:
    """Whether training has been interrupted.

    Attributes:
        signal_number: the signal that interrupted training, or None.
    """

    signal_number: int | None = None


@contextmanager
def interruptions(command: str = "train") -> Iterator[Interruption]:
    """Record the first SIGTERM or SIGINT instead of ending the process, and print that the state will be saved.

    The previous handlers are restored at the end.

    Python delivers signals only to the main thread. In another thread, this does nothing.

    Args:
        command: the command of `pedigree` that trains, for the message.

    Raises:
        KeyboardInterrupt: at a second signal, if that is SIGINT; anywhere in the block.
        SystemExit: at a second signal, if that is SIGTERM; anywhere in the block.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    since, message = 0.0, f"\npedigree {command}: {_SAVING}\n".encode()

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal since
        if interruption.signal_number is None:
            interruption.signal_number, since = number, monotonic()
            with suppress(OSError):
                os.write(2, message)  # `print` fails if the signal has interrupted a `print`
        elif monotonic() - since >= DUPLICATE_WINDOW:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_interrupted(number: int, step: int, steps: int, command: str = "train", repro: str = "dvc repro") -> NoReturn:
    """Print how to resume the run, which was saved after `step` of `steps` steps, and exit with the signal's code.

    Args:
        number: the signal.
        step: number of steps done.
        steps: the length of the run.
        command: the command of `pedigree` that trains.
        repro: the command that runs the stage.

    Raises:
        SystemExit: 128 + `number`.
    """
    print(
        f"pedigree {command}: interrupted at step {step} of {steps}: "
        f"run `{repro}` (or `pedigree {command}`) again to resume from there.",
        file=sys.stderr,
    )
    raise SystemExit(128 + number)
