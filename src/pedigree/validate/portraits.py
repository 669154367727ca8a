"""Portraits: the largest dog of each photo, stretched to the square that a feature network takes."""

import json
import math
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas
import PIL
from PIL import Image

from pedigree.features.cache import keyed_features
from pedigree.features.extractors import Extractor
from pedigree.features.extractors.extraction import fingerprint
from pedigree.photos import exif, modes, windows
from pedigree.photos.annotations import Box
from pedigree.photos.exif import UPRIGHT
from pedigree.photos.modes import to_rgb
from pedigree.photos.opening import opened
from pedigree.photos.windows import StoredPhoto, clipped

BATCH = 32  # portraits that the network takes at once; about two batches are decoded ahead of it

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Portrait:
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


def portrait_features(
    photos: pandas.DataFrame, raw: Path, extractor: Extractor, cache: Path
) -> npt.NDArray[np.float32]:
    """Return the features of each photo's portrait, `(photos, extractor.dimension)`; only new ones are computed.

    Args:
        photos: usable rows of the census.
        raw: the folder that holds `Images`.
        extractor: the feature network.
        cache: the folder of cached features.

    Raises:
        PedigreeError: if a photo does not decode.
    """
    chosen = [_portrait(row) for row in photos.to_dict("records")]
    code = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (exif, modes, windows))
    recipe = fingerprint(PIL.__version__, str(extractor.image_size), code, code=__file__)
    keys = [f"{recipe} {portrait.content} {portrait.box}" for portrait in chosen]

    def pictures(needed: Sequence[int]) -> Iterator[Pixels]:
        return _batches(raw / "Images", [chosen[index] for index in needed], extractor.image_size)

    return keyed_features(extractor, keys, pictures, BATCH, cache)


def largest_box(boxes: str, frame: StoredPhoto) -> Box:
    """Return the box with the largest area inside a photo, clipped to the photo; the whole photo if there is none.

    Args:
        boxes: JSON as in the census.
        frame: of the photo.
    """
    parts = [clipped(Box(*corners), frame) for corners in json.loads(boxes or "[]")]
    inside = [box for box in parts if box.width > 0 and box.height > 0]
    return max(inside, key=lambda box: box.width * box.height, default=frame.box)


def cut_portrait(path: Path, portrait: Portrait, size: int) -> Pixels:
    """Cut a portrait out of its photo, stretch it to a square and turn it upright: `(size, size, 3)` uint8 RGB.

    A JPEG is decoded at the smallest scale at which both sides of the box have `size` pixels.

    Raises:
        PedigreeError: if the photo does not decode.
    """
    frame, box, turn = portrait.frame, portrait.box, UPRIGHT.get(portrait.frame.orientation)
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


def _portrait(row: dict[Any, Any]) -> Portrait:
    frame = StoredPhoto(row["width"], row["height"], row["orientation"])
    return Portrait(row["photo"], row["sha256"], frame, largest_box(row["boxes"], frame))


def _batches(images: Path, portraits: Sequence[Portrait], size: int) -> Iterator[Pixels]:
    """Yield `(BATCH, size, size, 3)` portraits, in order. Threads decode up to two batches ahead."""
    Image.init()  # here, so that the threads do not all start it at the same time
    coming = iter(portraits)
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.simplefilter("ignore")  # the census has already recorded what matters

        def started(count: int) -> list[Future[Pixels]]:
            return [pool.submit(cut_portrait, images / p.photo, p, size) for p in islice(coming, count)]

        pending = deque([started(BATCH), started(BATCH)])
        while batch := pending.popleft():
            pending.append(started(BATCH))
            yield np.stack([future.result() for future in batch])
