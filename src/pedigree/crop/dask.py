"""Photos cropped on a Dask cluster that sees the same files: the crops that threads give, in the same order."""

import logging
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.crop.squares import Square, crop_photo
from pedigree.errors import PedigreeError

BATCH = 16  # photos a task
AHEAD = 4  # tasks a worker's thread may be ahead of the photo being written
PATIENCE = 10  # seconds for the scheduler to answer, and for a worker to come where there is none

Cut = tuple[str, Sequence[Square]]  # a photo under Images, and what is to be cut from it
Squares = npt.NDArray[np.uint8]


def crop_photos(images: Path, cuts: Sequence[Cut], size: int, address: str) -> Iterator[Squares]:
    """Yield the crops of each photo in order, `(squares, size, size, 3)` uint8 RGB, the cluster at `address` at work.

    Its workers open the photos at the absolute path that `images` has here, so they must share that file system. One
    that dies costs time alone: Dask gives its tasks to another.

    Raises:
        PedigreeError: where Dask is not installed, no scheduler answers, pedigree is not installed where scheduler and
            workers run, no worker is left, one cannot read what this machine can, or a photo does not decode.
    """
    with warnings.catch_warnings(action="ignore"), _cluster(address) as client:  # of versions, of damaged EXIF
        limit = AHEAD * sum(client.nthreads().values())
        pending: deque[tuple[Any, Callable[[], list[Squares]]]] = deque()
        for start in range(0, len(cuts), BATCH):
            batch = cuts[start : start + BATCH]
            # Not pure: Dask takes pure tasks of equal arguments for one, though a photo may have changed since.
            future = client.submit(crop_batch, images.absolute(), batch, size, pure=False)
            pending.append((future, partial(crop_batch, images, batch, size)))
            if len(pending) > limit:
                yield from _result(client, address, *pending.popleft())
        while pending:
            yield from _result(client, address, *pending.popleft())


def crop_batch(images: Path, batch: Sequence[Cut], size: int) -> list[Squares]:
    """Return the crops of each photo of `batch`: a worker's task."""
    Image.init()  # before a worker's threads would race to
    return [crop_photo(images / photo, squares, size) for photo, squares in batch]


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Give a client of a cluster that can work, and tell in a line what fails with it."""
    try:
        from distributed import Client
    except ImportError:
        raise PedigreeError(
            f"crop.scheduler is {address}, and Dask is not installed: pip install 'pedigree[dask]', or set it to null."
        ) from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # it logs tracebacks of what is told here
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except Exception as error:  # of the network, of names, of certificates
        raise PedigreeError(
            f"No Dask scheduler answers at crop.scheduler, {address} ({_said(error)}): start one there with "
            "`dask scheduler`, or set it to null."
        ) from None
    with client:
        try:
            _require_workers(client, address)
            _require_pedigree(client, address)
            yield client
        except PedigreeError:
            raise
        except Exception as error:  # a scheduler that is gone, workers that are killed time and again
            raise PedigreeError(
                f"The Dask cluster at {address} failed ({_said(error)}): look into the logs of its scheduler and "
                "workers, then run `pedigree crop` again."
            ) from None


def _require_workers(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise PedigreeError(
            f"The Dask cluster at {address} has no workers: start some with `dask worker {address}`."
        ) from None


def _require_pedigree(client: Any, address: str) -> None:
    """Raise where scheduler or workers lack this module: a worker that cannot load a task breaks without a word."""
    found = client.run(find_spec, __name__, on_error="return")
    try:
        found["the scheduler"] = client.run_on_scheduler(find_spec, __name__)
    except ImportError as error:
        found["the scheduler"] = error
    lacking = sorted(place for place, spec in found.items() if spec is None or isinstance(spec, ImportError))
    if lacking:
        raise PedigreeError(
            f"The Dask cluster at {address} lacks pedigree, or has another version, on {', '.join(lacking)}: "
            "pip install 'pedigree[dask]' there, in the environment that runs Dask."
        )


def _result(client: Any, address: str, future: Any, here: Callable[[], list[Squares]]) -> list[Squares]:
    """Wait for a task as long as there are workers; `here` does the same without them, to tell who is at fault."""
    while True:
        try:
            crops: list[Squares] = future.result(timeout=PATIENCE)
            return crops
        except TimeoutError:
            _require_workers(client, address)
        except PedigreeError as error:
            here()
            said = str(error).removesuffix(": run `pedigree validate` again.")
            raise PedigreeError(
                f"A worker of the Dask cluster at {address} cannot read what this machine can: {said}. Workers must "
                "see the same data/raw at the same path, by a shared file system."
            ) from None


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(".")
