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
from pedigree.photos.opening import is_large
from pedigree.photos.plans import Plan

AHEAD = 16  # photos per thread that may be cropped before they are needed


def crop_photos(images: Path, plans: Sequence[Plan], size: int, workers: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the crops of each photo in order, `(crops, size, size, 3)` uint8 RGB, cut by `workers` threads.

    One more thread cuts the large photos, one after the other, because they need much memory.

    Threads are enough: Pillow decodes and resizes without holding Python's global lock.
    """
    Image.init()  # here, so that the threads do not all start it at the same time
    pending: deque[Future[npt.NDArray[np.uint8]]] = deque()
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool, ThreadPoolExecutor(1) as large:
        warnings.simplefilter("ignore")  # about damaged EXIF data; the census has already recorded what matters
        for plan in plans:
            path = images / plan.photo
            threads = large if is_large(path) else pool
            pending.append(threads.submit(crop_photo, path, plan.windows, size))
            if len(pending) > AHEAD * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
