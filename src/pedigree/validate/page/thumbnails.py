"""Small pictures of photos as data URIs."""

import base64
import io
import os
import warnings
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from pedigree.photos.census import FORMATS
from pedigree.photos.exif import UPRIGHT, orientation
from pedigree.photos.modes import to_rgb

SIDE = 96  # pixels of the longer side

_QUALITIES = (70, 50, 30, 10)
_BUDGET = 1_200_000  # bytes of all pictures; only exceeded if the worst quality needs more


@dataclass(frozen=True)
class Thumbnail:
    """A picture: a data URI, and its size in pixels."""

    source: str
    width: int
    height: int


def thumbnails(shown: Iterable[str], raw: Path) -> dict[str, Thumbnail]:
    """Return the thumbnails of the photos in `shown`, all at the best quality that fits the budget.

    A photo that cannot be decoded has none.

    Args:
        shown: names of photos, "<breed>/<file>"; one that is shown twice is named twice.
        raw: the folder that holds `Images`.
    """
    uses = Counter(shown)
    Image.init()  # here, so that the threads do not all start it at the same time
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        small = dict(zip(uses, pool.map(lambda name: _small(raw / "Images" / name), uses), strict=True))
        pictures = {name: picture for name, picture in small.items() if picture}
        written: list[bytes] = []
        for quality in _QUALITIES:
            written = list(pool.map(partial(_jpeg, quality=quality), pictures.values()))
            if sum(len(data) * uses[name] for name, data in zip(pictures, written, strict=True)) <= _BUDGET:
                break
    return {
        name: Thumbnail(f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", *picture.size)
        for (name, picture), data in zip(pictures.items(), written, strict=True)
    }


def _small(path: Path) -> Image.Image | None:
    """Return the photo upright, in RGB or greyscale and at most `SIDE` pixels long; None if it does not decode."""
    try:
        with Image.open(path, formats=FORMATS) as photo:
            turn = UPRIGHT.get(orientation(photo))
            photo.draft("RGB", (2 * SIDE, 2 * SIDE))
            photo.load()
            small = to_rgb(photo)
    except Exception:  # decoders raise many kinds of exceptions; each means that there is nothing to show
        return None
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return small.transpose(turn) if turn is not None else small


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()
