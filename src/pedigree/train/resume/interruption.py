"""Being asked to stop: the first SIGTERM or SIGINT lets training end what it is doing and save, the second does not."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from types import FrameType
from typing import NoReturn

from pedigree.common.signals import SIGNALS

ECHO = 0.5  # seconds in which a second signal is the first one's echo: coreutils' `timeout` sends both at once


@dataclass
class Interruption:
    """`asked` is the number of the signal that asked to stop, None as long as none did."""

    asked: int | None = None


@contextmanager
def interruptions() -> Iterator[Interruption]:
    """Note the first SIGTERM or SIGINT instead of dying of it; the handlers before are back when the block ends.

    Python hands signals to the main thread alone: in another one nothing is changed and nothing ever asked.

    Raises:
        KeyboardInterrupt, SystemExit: anywhere in the block, at a second SIGINT or SIGTERM.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    since = 0.0

    def ask(number: int, _: FrameType | None) -> None:
        nonlocal since
        if interruption.asked is None:
            interruption.asked, since = number, monotonic()
        elif monotonic() - since >= ECHO:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(number: int, step: int, steps: int) -> NoReturn:
    """Say that the run, saved after `step` of its `steps`, can be gone on with, and leave as signal `number` asked."""
    print(
        f"pedigree train: interrupted at step {step} of {steps}: "
        "run `dvc repro` (or `pedigree train`) again to go on from there.",
        file=sys.stderr,
    )
    raise SystemExit(128 + number)
