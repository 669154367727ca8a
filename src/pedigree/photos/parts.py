"""Parts of photos, each stretched to the square that a network takes."""

import hashlib
import math
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL
from PIL import Image

from pedigree.photos import exif, modes
from pedigree.photos.annotations import Box
from pedigree.photos.exif import UPRIGHT
from pedigree.photos.modes import to_rgb
from pedigree.photos.opening import is_large, opened
from pedigree.photos.windows import StoredPhoto

BATCH = 32  # parts that a network takes at once; about two batches are decoded ahead of it

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Part:
    """A part of a photo.

    Attributes:
        photo: "<breed>/<file>" under Images.
        content: the SHA-256 of the file.
        frame: the photo as stored.
        box: in stored pixels, inside the photo.
    """

    photo: str
    content: str
    frame: StoredPhoto
    box: Box


def part_keys(parts: Sequence[Part], size: int) -> list[str]:
    """Return a text for each part. Parts with the same text give the same pixels at `size` x `size`."""
    code = "".join(Path(file).read_text(encoding="utf-8") for file in (__file__, exif.__file__, modes.__file__))
    recipe = hashlib.sha256(f"{PIL.__version__} {size} {code}".encode()).hexdigest()
    return [f"{recipe} {part.content} {part.frame.orientation} {part.box}" for part in parts]


def cut_parts(images: Path, parts: Sequence[Part], size: int) -> Iterator[Pixels]:
    """Yield `(BATCH, size, size, 3)` parts as `cut_part` gives them, in order. Threads decode up to two batches ahead.

    Args:
        images: the folder of the photos.
        parts: what to cut.
        size: the side in pixels.

    Raises:
        PedigreeError: if a photo does not decode.
    """
    Image.init()  # here, so that the threads do not all start it at the same time
    coming = iter(parts)
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool, ThreadPoolExecutor(1) as large:
        warnings.simplefilter("ignore")  # the census has already recorded what matters

        def started(count: int) -> list[Future[Pixels]]:
            return [
                (large if is_large(images / part.photo) else pool).submit(cut_part, images / part.photo, part, size)
                for part in islice(coming, count)
            ]

        pending = deque([started(BATCH), started(BATCH)])
        while batch := pending.popleft():
            pending.append(started(BATCH))
            yield np.stack([future.result() for future in batch])


def cut_part(path: Path, part: Part, size: int) -> Pixels:
    """Cut a part out of its photo, stretch it to a square and turn it upright: `(size, size, 3)` uint8 RGB.

    A JPEG is decoded at the smallest scale at which both sides of the box have `size` pixels.

    Raises:
        PedigreeError: if the photo does not decode.
    """
    frame, box, turn = part.frame, part.box, UPRIGHT.get(part.frame.orientation)
    least = (math.ceil(size * frame.width / box.width), math.ceil(size * frame.height / box.height))
    with opened(path, command="unpack") as photo:
        drafted = photo.draft(None, least)
        photo.load()
        rgb = to_rgb(photo).convert("RGB")
    scale = drafted[1][2] / frame.width if drafted else 1.0  # Pillow's width is not rounded here
    right, lower = min(box.xmax * scale, rgb.width), min(box.ymax * scale, rgb.height)
    corners = (box.xmin * scale, box.ymin * scale, right, lower)
    square = rgb.resize((size, size), Image.Resampling.BICUBIC, box=corners)
    return np.asarray(square if turn is None else square.transpose(turn))
