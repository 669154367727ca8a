"""Grids: pictures in rows and columns, such as contact sheets of crops and grids of samples."""

import io
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from pedigree.common.files import replacing_file
from pedigree.common.fonts import Font

GAP = 2  # pixels between pictures
BACKGROUND = "white"
INK = "black"


def grid(
    images: npt.NDArray[np.uint8],
    labels: Sequence[str] | None = None,
    scale: int = 1,
    columns: Sequence[str] | None = None,
    title: str | None = None,
) -> Image.Image:
    """Draw pictures in rows and columns, with optional labels.

    Args:
        images: `(rows, columns, height, width, 3)` uint8 RGB.
        labels: one label per row, written to the left of it.
        scale: the factor by which pictures are enlarged, with bicubic interpolation.
        columns: one heading per column, written above it.
        title: one line above everything. A long title widens the sheet.

    Raises:
        ValueError: if the array has another shape or type, or the number of labels or headings is wrong.
    """
    if images.ndim != 5 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise ValueError(f"expected (rows, columns, h, w, 3) uint8. Received: {images.shape} {images.dtype}")
    rows, across, height, width = (int(n) for n in images.shape[:4])
    _check_names(labels, rows, "row")
    _check_names(columns, across, "column")
    height, width = height * scale, width * scale
    font = Font(min(max(10, height // 4), 20))
    line = font.height + GAP
    left = _widest(labels, font) + 4 * GAP if labels else 0
    top = line * ((title is not None) + (columns is not None))
    right = left + GAP + max(across * (width + GAP), _widest([title or ""], font) + GAP)
    sheet = Image.new("RGB", (right, top + rows * (height + GAP) + GAP), BACKGROUND)
    lefts = [left + GAP + column * (width + GAP) for column in range(across)]
    tops = [top + GAP + row * (height + GAP) for row in range(rows)]
    for row, column in np.ndindex(rows, across):
        picture = Image.fromarray(images[row, column]).resize((width, height), Image.Resampling.BICUBIC)
        sheet.paste(picture, (lefts[column], tops[row]))
    write = partial(font.write, ImageDraw.Draw(sheet), ink=INK)
    if title is not None:
        write((left + GAP, line / 2), title, anchor="lm")
    for name, place in zip(columns or (), lefts, strict=False):
        write((place + width / 2, top - line / 2), name, anchor="mm")
    for name, place in zip(labels or (), tops, strict=False):
        write((left - GAP, place + height / 2), name, anchor="rm")
    return sheet


def wrapped(images: npt.NDArray[np.uint8], across: int) -> npt.NDArray[np.uint8]:
    """Arrange pictures `(n, ...)` in rows `(rows, across, ...)`. White pictures fill the rest of the last row."""
    blank = np.full((-len(images) % across, *images.shape[1:]), 255, np.uint8)
    return np.concatenate([images, blank]).reshape(-1, across, *images.shape[1:])


def square_side(count: int) -> int:
    """Return how many of `count` pictures stand in a row, if there are about as many rows: the root, rounded up."""
    return math.isqrt(count - 1) + 1


def save_png(image: Image.Image, path: Path, fields: Mapping[str, str] | None = None) -> None:
    """Write a PNG, atomically: the bytes that `png_bytes` returns."""
    with replacing_file(path) as temporary:
        temporary.write_bytes(png_bytes(image, fields))


def png_bytes(image: Image.Image, fields: Mapping[str, str] | None = None) -> bytes:
    """Return a picture as a PNG. Equal pictures and fields give equal bytes.

    Args:
        image: the picture.
        fields: the texts of the PNG's iTXt fields, by name, such as `Description`.
    """
    texts = PngInfo()
    for name, text in (fields or {}).items():
        texts.add_itxt(name, text)
    file = io.BytesIO()
    image.save(file, format="PNG", pnginfo=texts)
    return file.getvalue()


def _check_names(names: Sequence[str] | None, count: int, line: str) -> None:
    if names is not None and len(names) != count:
        raise ValueError(f"expected {count} labels, one per {line}. Received: {len(names)}")


def _widest(names: Sequence[str], font: Font) -> int:
    return max(math.ceil(font.width(name)) for name in names)
