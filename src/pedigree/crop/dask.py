"""Crops the photos on a Dask cluster that sees the same files. The crops and their order are those of `threads`."""

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

from pedigree.crop.cutting import crop_photo
from pedigree.errors import PedigreeError
from pedigree.photos.windows import Window

BATCH = 16  # photos per task
AHEAD = 4  # tasks per worker thread that may be submitted before their crops are needed
PATIENCE = 10  # seconds to wait for the scheduler to answer, and for a first worker

Cut = tuple[str, Sequence[Window]]  # a photo under Images, and the windows to cut from it
PhotoCrops = npt.NDArray[np.uint8]


def crop_photos(images: Path, cuts: Sequence[Cut], size: int, address: str) -> Iterator[PhotoCrops]:
    """Yield the crops of each photo in order, `(crops, size, size, 3)` uint8 RGB, cut by the cluster at `address`.

    The workers open the photos at the absolute path of `images` on this machine, so they must share its file system. If
    a worker dies, Dask gives its tasks to another one; the result does not change.

    Raises:
        PedigreeError: if Dask is not installed, no scheduler answers, the scheduler or a worker has no pedigree, no
            worker is left, a worker cannot read a photo that this machine can read, or a photo does not decode.
    """
    # The warnings are about other versions on the workers and about damaged EXIF data.
    with warnings.catch_warnings(action="ignore"), _cluster(address) as client:
        limit = AHEAD * sum(client.nthreads().values())
        pending: deque[tuple[Any, Callable[[], list[PhotoCrops]]]] = deque()
        for start in range(0, len(cuts), BATCH):
            batch = cuts[start : start + BATCH]
            # Not pure: Dask would reuse the result of an earlier pure task with equal arguments, but a photo may have
            # changed since then.
            future = client.submit(crop_batch, images.absolute(), batch, size, pure=False)
            pending.append((future, partial(crop_batch, images, batch, size)))
            if len(pending) > limit:
                yield from _result(client, address, *pending.popleft())
        while pending:
            yield from _result(client, address, *pending.popleft())


def crop_batch(images: Path, batch: Sequence[Cut], size: int) -> list[PhotoCrops]:
    """Return the crops of each photo in `batch`. This is the task of a worker."""
    Image.init()  # here, so that the threads do not all start it at the same time
    return [crop_photo(images / photo, windows, size) for photo, windows in batch]


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Yield a client of the cluster at `address`, and turn each of its failures into an error of one line."""
    try:
        from distributed import Client
    except ImportError:
        raise PedigreeError(
            f"crop.scheduler is {address}, but Dask is not installed: pip install 'pedigree[dask]', or set it to null."
        ) from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # it logs tracebacks of the errors raised here
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except Exception as error:  # from the network, name look-up or certificates
        raise PedigreeError(
            f"No Dask scheduler answers at crop.scheduler, {address} ({_reason(error)}): start one there with "
            "`dask scheduler`, or set crop.scheduler to null."
        ) from None
    with client:
        try:
            _require_workers(client, address)
            _require_pedigree(client, address)
            yield client
        except PedigreeError:
            raise
        except Exception as error:  # the scheduler is gone, or workers are killed again and again
            raise PedigreeError(
                f"The Dask cluster at {address} failed ({_reason(error)}): read the logs of its scheduler and "
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
    """Check that the scheduler and the workers have this module. A worker without it would fail without a message."""
    specs = client.run(find_spec, __name__, on_error="return")
    try:
        specs["the scheduler"] = client.run_on_scheduler(find_spec, __name__)
    except ImportError as error:
        specs["the scheduler"] = error
    lacking = sorted(place for place, spec in specs.items() if spec is None or isinstance(spec, ImportError))
    if lacking:
        raise PedigreeError(
            f"The Dask cluster at {address} lacks pedigree, or has another version, on {', '.join(lacking)}: "
            "pip install 'pedigree[dask]' there, in the environment that runs Dask."
        )


def _result(client: Any, address: str, future: Any, retry_here: Callable[[], list[PhotoCrops]]) -> list[PhotoCrops]:
    """Wait for the result of a task for as long as there are workers.

    If the task fails, `retry_here` does the same work on this machine. If it fails too, the photo is broken; if it
    succeeds, the worker cannot read the photo.
    """
    while True:
        try:
            crops: list[PhotoCrops] = future.result(timeout=PATIENCE)
            return crops
        except TimeoutError:
            _require_workers(client, address)
        except PedigreeError as error:
            retry_here()
            reason = str(error).removesuffix(": run `pedigree validate` again.")
            raise PedigreeError(
                f"A worker of the Dask cluster at {address} cannot read a photo that this machine can read: {reason}. "
                "Workers must see the same data/raw at the same path, through a shared file system."
            ) from None


def _reason(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(".")
