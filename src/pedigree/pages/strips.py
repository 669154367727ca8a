"""Rows of pictures as data URIs."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_QUALITIES = (82, 70, 55, 40, 25, 10)


@dataclass(frozen=True)
class Strip:
    """A row of square pictures."""

    source: str  # a data URI
    pictures: int


def encode(rows: Sequence[NDArray[np.uint8]], side: int, budget: int) -> list[Strip]:
    """Encode each row as one WebP picture, all at the best quality that fits the budget.

    Args:
        rows: pictures `(k, size, size, 3)` uint8 RGB, k at least 1.
        side: larger pictures are reduced to this side, in pixels.
        budget: bytes for all rows together. It is only exceeded if the worst quality needs more.
    """
    sheets = [_sheet(images, side) for images in rows]
    written: list[bytes] = []
    for quality in _QUALITIES:
        written = list(map(partial(_webp, quality=quality), sheets))
        if sum(map(len, written)) <= budget:
            break
    return [
        Strip(f"data:image/webp;base64,{base64.b64encode(data).decode()}", len(images))
        for data, images in zip(written, rows, strict=True)
    ]


def some(indices: NDArray[np.intp], number: int) -> NDArray[np.intp]:
    """Return `number` evenly spaced indices, or all if there are no more."""
    if len(indices) <= number:
        return indices
    return indices[np.linspace(0, len(indices) - 1, number).round().astype(np.intp)]


def _sheet(images: NDArray[np.uint8], side: int) -> Image.Image:
    size = min(side, images.shape[1])
    tiles = [
        Image.fromarray(np.ascontiguousarray(image)).resize((size, size), Image.Resampling.LANCZOS) for image in images
    ]
    sheet = Image.new("RGB", (size * len(tiles), size))
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (place * size, 0))
    return sheet


def _webp(sheet: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    sheet.save(buffer, format="WEBP", quality=quality, method=4)
    return buffer.getvalue()
