"""Calls a function for many items in worker processes, for work that holds Python's global lock."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from pedigree.errors import PedigreeError

FEW = 200  # items; fewer are worked on here, because processes take time to start
AT_ONCE = 32  # items sent to a process at once

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int | None = None
) -> Iterator[Result]:
    """Yield the results of `function` for all items, in order.

    The processes are forked: they share the memory of this one, and end when it ends. Call this before TensorFlow or
    JAX is imported, because forking their threads can deadlock.

    Args:
        function: must be picklable, as must the items and the results.
        items: the arguments.
        workers: number of processes; None means one per CPU core.

    Raises:
        PedigreeError: a process died, for example because memory is short.
    """
    if len(items) < FEW:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers or os.cpu_count() or 1, context, initializer=_begin) as pool:
        try:
            yield from pool.map(function, items, chunksize=AT_ONCE)
        except BrokenProcessPool:
            raise PedigreeError("A worker process died, perhaps because memory is short: run this again.") from None


def _begin() -> None:
    """Leave Ctrl-C to the parent, and end when the parent ends, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_end_with, args=[parent], daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
