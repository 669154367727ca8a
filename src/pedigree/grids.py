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


def grid(
    images: npt.NDArray[np.uint8],
    labels: Sequence[str] | None = None,
    scale: int = 1,
    columns: Sequence[str] | None = None,
    title: str | None = None,
) -> Image.Image:
    """Lay pictures out.

    Args:
        images: `(rows, columns, height, width, 3)` uint8, RGB.
        labels: a name a row, written left of it; none if None.
        scale: how many pixels a picture's pixel becomes each way, interpolated (bicubic) so that it reads as a picture.
        columns: a name a column, written above it; none if None.
        title: one line above all, cut off where the pictures end; none if None.

    Raises:
        ValueError: where the array or the number of labels has another shape.
    """
    if images.ndim != 5 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise ValueError(f"expected (rows, columns, h, w, 3) uint8. Received: {images.shape} {images.dtype}")
    rows, across, height, width = (int(n) for n in images.shape[:4])
    _check_names(labels, rows, "row")
    _check_names(columns, across, "column")
    height, width = height * scale, width * scale
    font_size = min(max(10, height // 4), 20)
    font, line = ImageFont.load_default(size=font_size), font_size + 2 * GAP
    margin = _label_width(labels, font) if labels else 0
    head = line * ((title is not None) + (columns is not None))
    sheet = Image.new("RGB", (margin + across * (width + GAP) + GAP, head + rows * (height + GAP) + GAP), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    if title is not None:
        draw.text((margin + GAP, line / 2), title, fill=INK, font=font, anchor="lm")
    for column, name in enumerate(columns or ()):
        draw.text(
            (margin + GAP + column * (width + GAP) + width / 2, head - line / 2), name, fill=INK, font=font, anchor="mm"
        )
    for row in range(rows):
        top = head + GAP + row * (height + GAP)
        if labels:
            draw.text((margin - GAP, top + height / 2), labels[row], fill=INK, font=font, anchor="rm")
        for column in range(across):
            picture = Image.fromarray(images[row, column]).resize((width, height), Image.Resampling.BICUBIC)
            sheet.paste(picture, (margin + GAP + column * (width + GAP), top))
    return sheet


def save_png(image: Image.Image, path: Path) -> None:
    """Write a PNG, beside first; the same image gives the same bytes."""
    with replacing_file(path) as beside:
        image.save(beside, format="PNG")


def _label_width(labels: Sequence[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    return 4 * GAP + max(int(np.ceil(font.getlength(label))) for label in labels)
