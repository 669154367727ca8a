"""Views of a photo: the whole photo and each of its boxes. Near-duplicates are searched among views.

A photo of a dog and a tight cut of the same photo look different as a whole, but the box of the one is like the other.
"""

import json
from collections.abc import Mapping
from typing import Any

from PIL import Image

from pedigree.photos.annotations import Box
from pedigree.photos.exif import UPRIGHT
from pedigree.photos.phash import blocks, phash

NO_HASH = "-"

_LEAST_SIDE = 24  # pixels of the small copy; a smaller box has no hash
_ALL_OF_IT = 0.95  # a box that covers this share of both sides is the whole photo


def view_hashes(luma: Image.Image, row: Mapping[str, Any]) -> str:
    """Return the perceptual hashes of a photo and of its boxes, separated by spaces.

    Args:
        luma: a small greyscale copy, not turned upright.
        row: of the census; `width`, `height`, `orientation` and `boxes` are read.
    """
    return " ".join((phash(blocks(view)) if view else "") or NO_HASH for view in view_images(luma, row))


def view_images(luma: Image.Image, row: Mapping[str, Any]) -> list[Image.Image | None]:
    """Return upright views of a photo: the whole, then each box; None for a box without a view of its own."""
    turn = UPRIGHT.get(row["orientation"])
    boxes = [Box(*corners) for corners in json.loads(row["boxes"] or "[]")]
    parts = [luma, *(_cut(luma, box, luma.width / row["width"], luma.height / row["height"]) for box in boxes)]
    return [part.transpose(turn) if part and turn is not None else part for part in parts]


def _cut(luma: Image.Image, box: Box, across: float, down: float) -> Image.Image | None:
    left, right = max(box.xmin, 0) * across, min(box.xmax * across, luma.width)
    top, bottom = max(box.ymin, 0) * down, min(box.ymax * down, luma.height)
    width, height = right - left, bottom - top
    if min(width, height) < _LEAST_SIDE or (width >= _ALL_OF_IT * luma.width and height >= _ALL_OF_IT * luma.height):
        return None
    return luma.crop((round(left), round(top), round(right), round(bottom)))
