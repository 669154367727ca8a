"""Portraits: the largest dog of each photo, stretched to the square that a feature network takes."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas

from pedigree.features.cache import keyed_features
from pedigree.features.extractors import Extractor
from pedigree.photos.annotations import Box
from pedigree.photos.parts import BATCH, Part, Pixels, cut_parts, part_keys
from pedigree.photos.windows import StoredPhoto, clipped


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

    def pictures(needed: Sequence[int]) -> Iterator[Pixels]:
        return cut_parts(raw / "Images", [chosen[index] for index in needed], extractor.image_size)

    return keyed_features(extractor, part_keys(chosen, extractor.image_size), pictures, BATCH, cache)


def largest_box(boxes: str, frame: StoredPhoto) -> Box:
    """Return the box with the largest area inside a photo, clipped to the photo; the whole photo if there is none.

    Args:
        boxes: JSON as in the census.
        frame: of the photo.
    """
    parts = [clipped(Box(*corners), frame) for corners in json.loads(boxes or "[]")]
    inside = [box for box in parts if box.width > 0 and box.height > 0]
    return max(inside, key=lambda box: box.width * box.height, default=frame.box)


def _portrait(row: dict[Any, Any]) -> Part:
    frame = StoredPhoto(row["width"], row["height"], row["orientation"])
    return Part(row["photo"], row["sha256"], frame, largest_box(row["boxes"], frame))
