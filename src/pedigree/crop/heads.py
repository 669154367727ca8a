"""Windows around the heads of dogs, for `crop.fit: head`.

The network looks twice: at the box, then at a window around the point that it found there. The second look is nearer,
so its point is more exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas

from pedigree.common import quiet
from pedigree.common.paths import FEATURES
from pedigree.features.cache import keyed_features
from pedigree.features.extractors import Extractor
from pedigree.photos.annotations import Box
from pedigree.photos.exif import stored_place
from pedigree.photos.parts import BATCH, Part, Pixels, cut_parts, part_keys
from pedigree.photos.plans import Plan
from pedigree.photos.windows import Point, StoredPhoto, Window, clipped, head_window

LEAST_DOG = 0.05  # the probability of a dog in the box, below which no head is looked for
# Side of the window per distance from the head's middle to the nearest side of the box: of the second look and the crop
_SECOND_LOOK, _CROP = 2.5, 2.3


def load_finder() -> Extractor:
    """Load the network that finds heads.

    Raises:
        PedigreeError: the package with its weights is missing or damaged.
    """
    quiet.import_keras()
    from pedigree.crop.class_activation import DogActivation

    return DogActivation()


def with_head_windows(
    plans: Sequence[Plan],
    photos: pandas.DataFrame,
    images: Path,
    padding: float,
    size: int,
    finder: Extractor,
    cache: Path = FEATURES,
) -> tuple[list[Plan], int]:
    """Replace the windows of plans by windows around the dogs' heads. The network only sees new boxes.

    Args:
        plans: what to cut. A box without a visible head keeps its window.
        photos: the census.
        images: the folder of the photos.
        padding: how much a box grows on each side, as a share of its longer side. The network sees the box without it.
        size: the side of a crop in pixels.
        finder: gives the features of `class_activation.DogActivation`.
        cache: the folder of cached features.

    Returns:
        The plans, and the number of boxes without a visible head.

    Raises:
        PedigreeError: if a photo does not decode.
    """
    rows = {row["photo"]: row for row in photos.to_dict("records")}
    parts = [part for plan in plans for part in _parts(plan, rows[plan.photo])]
    points = iter(head_points(parts, images, finder, cache))
    dogs, found, headless = iter(parts), [], 0
    for plan in plans:
        windows = []
        for window in plan.windows:
            dog, point = next(dogs), next(points)
            headless += point is None
            windows.append(head_window(point, dog.box, dog.frame, padding, _CROP) if point else window)
        enlargement = max(size / window.shorter for window in windows)
        found.append(replace(plan, windows=tuple(windows), enlargement=enlargement))
    return found, headless


def head_crop_window(
    part: Part, images: Path, padding: float, finder: Extractor, cache: Path = FEATURES
) -> Window | None:
    """Return the window around the head in one part, as `with_head_windows` does; None if no head is visible."""
    (point,) = head_points([part], images, finder, cache)
    return head_window(point, part.box, part.frame, padding, _CROP) if point else None


def head_points(parts: Sequence[Part], images: Path, finder: Extractor, cache: Path) -> list[Point | None]:
    """Return the middle of the head in each part, in whole stored pixels; None where no head is visible.

    Whole pixels make the crops independent of the rounding errors of the network.
    """
    first, dog = _look(parts, images, finder, cache / "heads-1")
    closer = [
        replace(part, box=_whole_pixels(head_window(point, part.box, part.frame, 0.0, _SECOND_LOOK)))
        for part, point in zip(parts, first, strict=True)
    ]
    second, again = _look(closer, images, finder, cache / "heads-2")
    visible = (dog >= LEAST_DOG) & (again > 0)
    return [point if seen else None for point, seen in zip(second, visible, strict=True)]


def _parts(plan: Plan, row: dict[Any, Any]) -> list[Part]:
    """Return the boxes of a photo, clipped to the photo."""
    frame = StoredPhoto(row["width"], row["height"], row["orientation"])
    return [Part(plan.photo, row["sha256"], frame, clipped(box, frame)) for box in plan.boxes]


def _look(
    parts: Sequence[Part], images: Path, finder: Extractor, cache: Path
) -> tuple[list[Point], npt.NDArray[np.float32]]:
    """Return the point in each part, in whole stored pixels, and the probability of a dog, `(parts,)`."""

    def pictures(needed: Sequence[int]) -> Iterator[Pixels]:
        return cut_parts(images, [parts[index] for index in needed], finder.image_size)

    features = keyed_features(finder, part_keys(parts, finder.image_size), pictures, BATCH, cache)
    return [_point(part, *place) for part, place in zip(parts, features[:, :2].tolist(), strict=True)], features[:, 2]


def _point(part: Part, across: float, down: float) -> Point:
    """Return a place in an upright part, as shares of its sides, in stored pixels of the photo."""
    x, y = stored_place(across, down, part.frame.orientation)
    return Point(round(part.box.xmin + x * part.box.width), round(part.box.ymin + y * part.box.height))


def _whole_pixels(window: Window) -> Box:
    """Return the smallest box of whole pixels that holds a window."""
    right, lower = window.xmin + window.width, window.ymin + window.height
    return Box(floor(window.xmin), floor(window.ymin), ceil(right), ceil(lower))
