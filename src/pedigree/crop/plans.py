"""What to cut from each photo, decided from the census."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas

from pedigree.crop.squares import Square, central_square, clipped, reason_to_skip, square_around
from pedigree.photos.annotations import Box
from pedigree.settings import params


@dataclass(frozen=True)
class Plan:
    """What to cut from one photo: the boxes, and one square for each.

    Attributes:
        photo: "<breed>/<file>" under Images.
        breed: the breed's folder.
        group: a text that near-duplicates of the photo share, and no others.
        boxes: as annotated; for a whole frame, the whole photo.
        squares: one for each box, in the same order.
    """

    photo: str
    breed: str
    group: str
    boxes: tuple[Box, ...]
    squares: tuple[Square, ...]


def plan_crops(photos: pandas.DataFrame, settings: params.Crop) -> tuple[list[Plan], Counter[str]]:
    """Decide from the census what to cut from each usable photo.

    Returns:
        The plans of the photos that have crops, sorted by photo; and, for each reason, how many boxes or photos were
        skipped.
    """
    plans, skipped = [], Counter[str]()
    rows: Iterator[Any] = photos[photos["usable"]].sort_values("photo").itertuples(index=False)
    for row in rows:
        cuts = [] if settings.frames == "whole" else _box_cuts(row, settings, skipped)
        if settings.frames != "boxes" or _unannotated(row):
            cuts.append((Box(0, 0, row.width, row.height), central_square(row.width, row.height)))
        if cuts:
            boxes, squares = zip(*cuts, strict=True)
            plans.append(Plan(row.photo, row.breed, row.group or row.photo, boxes, squares))
    return plans, skipped


def _unannotated(row: Any) -> bool:
    return not row.boxes and not row.box_problems


def _box_cuts(row: Any, settings: params.Crop, skipped: Counter[str]) -> list[tuple[Box, Square]]:
    """Return the boxes of a photo with their squares, and count the skipped boxes in `skipped`."""
    boxes = [Box(*corners) for corners in json.loads(row.boxes or "[]")]
    if not boxes and not _unannotated(row):
        skipped["photo (annotated without a dog)" if row.boxes else "photo (unreadable annotation)"] += 1
    cuts = []
    for box in boxes:
        inside = clipped(box, row.width, row.height)
        reason = reason_to_skip(inside, min_box=settings.min_box, max_aspect=settings.max_aspect)
        if reason:
            skipped[f"box ({reason})"] += 1
        else:
            cuts.append((box, square_around(inside, row.width, row.height, settings.padding)))
    return cuts
