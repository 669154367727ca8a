"""Crops the photos with threads on this machine."""

import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.crop.cutting import crop_photo
from pedigree.photos.plans import Plan

AHEAD = 16  # photos per thread that may be cropped before they are needed


def crop_photos(images: Path, plans: Sequence[Plan], size: int, workers: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the crops of each photo in order, `(crops, size, size, 3)` uint8 RGB, cut by `workers` threads.

    Threads are enough: Pillow decodes and resizes without holding Python's global lock.
    """
    Image.init()  # here, so that the threads do not all start it at the same time
    pending: deque[Future[npt.NDArray[np.uint8]]] = deque()
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore")  # about damaged EXIF data; the census has already recorded what matters
        for plan in plans:
            pending.append(pool.submit(crop_photo, images / plan.photo, plan.windows, size))
            if len(pending) > AHEAD * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
