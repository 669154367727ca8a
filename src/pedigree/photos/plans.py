"""What to cut from each photo, decided from the census."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas

from pedigree.photos.annotations import Box
from pedigree.photos.boxes import at_another_size
from pedigree.photos.set_aside import LABEL
from pedigree.photos.windows import StoredPhoto, Window, box_window, clipped, photo_window, reason_to_skip
from pedigree.settings import params

UNUSABLE = "photo (not usable)"
SET_ASIDE = "photo (set aside)"
UNREADABLE = "photo (unreadable annotation)"
OTHER_SIZE = "photo (annotated at another size)"
DOGLESS = "photo (annotated without a dog)"

Skipped = dict[str, Counter[str]]  # how many boxes or photos were skipped, by breed and reason


@dataclass(frozen=True)
class Plan:
    """What to cut from one photo: the boxes, and one window for each.

    Attributes:
        photo: "<breed>/<file>" under Images.
        breed: the breed's folder.
        group: a text that near-duplicates of the photo share, and no others.
        split: "train" or "holdout" if the archive's own split is kept; else empty.
        boxes: in stored pixels, not clipped; for a whole frame, the whole photo.
        windows: one for each box, in the same order.
        mirrored: the largest share of a window that lies outside the photo and is mirrored, 0 to 1.
        enlargement: the largest factor by which a window is enlarged to `crop.size`; under 1 if all are shrunk.
    """

    photo: str
    breed: str
    group: str
    split: str
    boxes: tuple[Box, ...]
    windows: tuple[Window, ...]
    mirrored: float
    enlargement: float


def plan_crops(photos: pandas.DataFrame, settings: params.Crop) -> tuple[list[Plan], Skipped]:
    """Decide from the census what to cut from each usable photo.

    For `crop.fit: head` the windows are those of `cover`: only `crop.heads` finds the heads.

    Returns:
        The plans of the photos that have crops, sorted by photo; and, by breed and reason, how many boxes or photos
        were skipped. A reason begins with "box" or "photo".
    """
    plans, skipped = [], defaultdict[str, Counter[str]](Counter)
    rows: Iterator[Any] = photos.sort_values("photo").itertuples(index=False)
    for row in rows:
        plan = _plan(row, settings, skipped[row.breed])
        if plan:
            plans.append(plan)
    return plans, {breed: reasons for breed, reasons in skipped.items() if reasons}


def with_crop_facts(photos: pandas.DataFrame, settings: params.Crop) -> pandas.DataFrame:
    """Return the census with the columns `mirrored` and `enlargement` filled in: how each photo will be cut.

    For `crop.fit: head` they are those of `cover`, so the enlargement is a lower bound.
    """
    plans = {plan.photo: plan for plan in plan_crops(photos, settings)[0]}
    cut = [plans.get(photo) for photo in photos["photo"]]
    return photos.assign(
        mirrored=[round(plan.mirrored, 4) if plan else 0.0 for plan in cut],
        enlargement=[round(plan.enlargement, 4) if plan else 0.0 for plan in cut],
    )


def _plan(row: Any, settings: params.Crop, skipped: Counter[str]) -> Plan | None:
    """Return what to cut from one photo; None if nothing. Count in `skipped` what is left out."""
    if not row.usable:
        skipped[SET_ASIDE if row.problem.startswith(LABEL) else UNUSABLE] += 1
        return None
    frame = StoredPhoto(row.width, row.height, row.orientation)
    cuts = [] if settings.frames == "whole" else _box_cuts(row, frame, settings, skipped)
    if settings.frames != "boxes" or _unannotated(row):
        cuts += _photo_cuts(frame, settings, skipped)
    if not cuts:
        return None
    boxes, windows = zip(*cuts, strict=True)
    mirrored = max(window.share_outside(frame.width, frame.height) for window in windows)
    enlargement = max(settings.size / window.shorter for window in windows)
    return Plan(row.photo, row.breed, row.group or row.photo, row.split, boxes, windows, mirrored, enlargement)


def _unannotated(row: Any) -> bool:
    return not row.boxes and not row.box_problems


def _box_cuts(row: Any, frame: StoredPhoto, settings: params.Crop, skipped: Counter[str]) -> list[tuple[Box, Window]]:
    """Return the boxes of a photo with their windows."""
    boxes = [Box(*corners) for corners in json.loads(row.boxes or "[]")]
    if not boxes and not _unannotated(row):
        skipped[_boxless(row)] += 1
    cuts = []
    for box in boxes:
        inside = clipped(box, frame)
        if not _skip("box", inside, settings, skipped):
            cuts.append((box, box_window(inside, frame, settings.fit, settings.padding)))
    return cuts


def _photo_cuts(frame: StoredPhoto, settings: params.Crop, skipped: Counter[str]) -> list[tuple[Box, Window]]:
    """Return the whole photo with its window."""
    return [] if _skip("photo", frame.box, settings, skipped) else [(frame.box, photo_window(frame, settings.fit))]


def _skip(noun: str, box: Box, settings: params.Crop, skipped: Counter[str]) -> bool:
    reason = reason_to_skip(box, min_box=settings.min_box, max_aspect=settings.max_aspect)
    if reason:
        skipped[f"{noun} ({reason})"] += 1
    return bool(reason)


def _boxless(row: Any) -> str:
    """Return why an annotated photo has no boxes."""
    if row.boxes:
        return DOGLESS
    return OTHER_SIZE if at_another_size(row.box_problems) else UNREADABLE
