"""Progress bars: updated often on a terminal, every ten seconds in a log."""

import sys
from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

from pedigree.common.printable import printable

T = TypeVar("T")


def progress(items: Iterable[T], *, label: str, total: int | None = None, unit: str = "photo") -> "tqdm[T]":
    """Wrap `items` in a progress bar on stderr with the heading `label`."""
    return tqdm(items, desc=printable(label), total=total, unit=unit, **_pace())


def progress_bar(*, label: str, total: int | None = None, unit: str = "step", **settings: Any) -> "tqdm[Any]":
    """Return a progress bar to advance with `update(n)`. It is a context manager."""
    return tqdm(desc=printable(label), total=total, unit=unit, **_pace(), **settings)


def restart(bar: "tqdm[Any]", done: int) -> None:
    """Set a bar to `done` and measure its rate from now on, without what came before, such as compiling."""
    bar.n = bar.initial = bar.last_print_n = done
    bar.unpause()
    bar.refresh()


def _pace() -> dict[str, Any]:
    interval = 0.2 if sys.stderr.isatty() else 10.0
    # miniters: tqdm would otherwise guess after how many items it looks at the time, and be late if they get slower
    return {"mininterval": interval, "maxinterval": interval, "miniters": 1, "dynamic_ncols": True}
