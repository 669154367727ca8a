"""Pictures in rows and columns: contact sheets of crops, grids of samples."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from pedigree.files import replacing_file

GAP = 2  # pixels between pictures
BACKGROUND = "white"
INK = "black"


def grid(images: npt.NDArray[np.uint8], labels: Sequence[str] | None = None, scale: int = 1) -> Image.Image:
    """Lay pictures out.

    Args:
        images: `(rows, columns, height, width, 3)` uint8, RGB.
        labels: a name a row, written left of it; none if None.
        scale: how many pixels a picture's pixel becomes each way, interpolated (bicubic) so that it reads as a picture.

    Raises:
        ValueError: where the array or the number of labels has another shape.
    """
    if images.ndim != 5 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise ValueError(f"expected (rows, columns, h, w, 3) uint8. Received: {images.shape} {images.dtype}")
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"expected {len(images)} labels, one a row. Received: {len(labels)}")
    rows, columns, height, width = (int(n) for n in images.shape[:4])
    height, width = height * scale, width * scale
    font = ImageFont.load_default(size=min(max(10, height // 4), 20))
    margin = _label_width(labels, font) if labels else 0
    size = (margin + columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    sheet = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for row in range(rows):
        top = GAP + row * (height + GAP)
        if labels:
            draw.text((margin - GAP, top + height / 2), labels[row], fill=INK, font=font, anchor="rm")
        for column in range(columns):
            picture = Image.fromarray(images[row, column]).resize((width, height), Image.Resampling.BICUBIC)
            sheet.paste(picture, (margin + GAP + column * (width + GAP), top))
    return sheet


def save_png(image: Image.Image, path: Path) -> None:
    """Write a PNG, beside first; the same image gives the same bytes."""
    with replacing_file(path) as beside:
        image.save(beside, format="PNG")


def _label_width(labels: Sequence[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    return 4 * GAP + max(int(np.ceil(font.getlength(label))) for label in labels)
