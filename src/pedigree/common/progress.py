"""Progress bars: updated often on a terminal, every ten seconds in a log."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any, TypeVar

from tqdm import tqdm

from pedigree.common.printable import printable

T = TypeVar("T")


def progress(
    items: Iterable[T], *, label: str, total: int | None = None, unit: str = "photo", delay: float = 0
) -> "tqdm[T]":
    """Wrap `items` in a progress bar on stderr with the heading `label`, shown after `delay` seconds."""
    return tqdm(items, desc=printable(label), total=total, unit=unit, delay=delay, **_pace())


def progress_bar(*, label: str, total: int | None = None, unit: str = "step", **settings: Any) -> "tqdm[Any]":
    """Return a progress bar to advance with `update(n)`. It is a context manager."""
    return tqdm(desc=printable(label), total=total, unit=unit, **_pace(), **settings)


def restart(bar: "tqdm[Any]", done: int) -> None:
    """Set a bar to `done` and measure its rate from now on, without what came before, such as compiling."""
    bar.n = bar.initial = bar.last_print_n = done
    bar.unpause()
    bar.refresh()


@contextmanager
def announced(text: str, seconds: float = 1.0) -> Iterator[None]:
    """Print the line `text` on stderr if the block takes longer than `seconds`.

    The line is written to the stderr of now, because stderr is hidden while Keras is imported.
    """
    stderr = os.dup(2)

    def announce() -> None:
        with suppress(OSError):
            os.write(stderr, f"{text}\n".encode("ascii", "backslashreplace"))

    timer = Timer(seconds, announce)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # it may be writing
        os.close(stderr)


def _pace() -> dict[str, Any]:
    interval = 0.2 if sys.stderr.isatty() else 10.0
    # miniters: tqdm would otherwise guess after how many items it looks at the time, and be late if they get slower
    return {"mininterval": interval, "maxinterval": interval, "miniters": 1, "dynamic_ncols": True}
