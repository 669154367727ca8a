"""Pictures beside each other, each with a heading."""

from collections.abc import Mapping
from io import BytesIO

from PIL import Image, ImageDraw

from pedigree.common.fonts import Font
from pedigree.common.grids import BACKGROUND, INK, png_bytes

HEADING = 24  # pixels


def side_by_side(pictures: Mapping[str, bytes]) -> bytes:
    """Return a PNG that shows PNGs from left to right, each below its name."""
    images = {name: Image.open(BytesIO(picture), formats=("PNG",)) for name, picture in pictures.items()}
    width, height = sum(image.width for image in images.values()), max(image.height for image in images.values())
    sheet = Image.new("RGB", (width, HEADING + height), BACKGROUND)
    pen, left = ImageDraw.Draw(sheet), 0
    for name, image in images.items():
        sheet.paste(image, (left, HEADING))
        Font(16).write(pen, (left + image.width // 2, HEADING // 2), name, INK, "mm")
        left += image.width
    return png_bytes(sheet)
