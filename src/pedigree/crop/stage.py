"""The crop stage: one crop for every dog of every usable photo, split into train and holdout, and packed."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas
from PIL import Image

from pedigree.common.breeds import display_name
from pedigree.common.files import replacing_folder, write_text
from pedigree.common.grids import grid, save_png
from pedigree.common.packed_crops import SIDES, Crops, load_crops, pack_crops
from pedigree.common.paths import CONTACT_SHEET, CROP_FACTS, CROPS
from pedigree.common.progress import progress
from pedigree.crop import dask, threads
from pedigree.crop.holdout import HoldoutCandidate, held_out
from pedigree.crop.leaks import Leaks, find_leaks
from pedigree.crop.skipped import counted, no_crops, total
from pedigree.errors import PedigreeError
from pedigree.photos.census import read_census
from pedigree.photos.plans import Plan, Skipped, plan_crops
from pedigree.photos.verdict import require_passed
from pedigree.settings import params

SHEET_BREEDS = 30  # most rows of the contact sheet
SHEET_CROPS = 10  # most crops in a row
MOST_PAIRS = 5  # pairs of twins that an error names


def crop(
    raw: Path,
    census: Path,
    verdict: Path,
    settings: params.Crop,
    target: Path = CROPS,
    sheet: Path = CONTACT_SHEET,
    facts: Path = CROP_FACTS,
    workers: int | None = None,
) -> None:
    """Crop the usable photos of `raw` into `target`, and draw a contact sheet of some crops.

    `target` gets the files of `common.packed_crops`, and `crops.csv`: one row per crop, train before holdout, each in
    the order of its array. All of them depend on the photos and the settings alone.

    Args:
        raw: the folder that holds `Images`.
        census: the census of the photos.
        verdict: the verdict of validation.
        settings: how to crop. `settings.scheduler` is the address of a Dask cluster to use in place of threads.
        target: the folder to write, which is replaced.
        sheet: the PNG of the contact sheet: at most 30 breeds, and 10 crops of each.
        facts: the JSON of counts: crops of each side, skipped photos and boxes, held-out crops with a training twin.
        workers: number of threads; None means one per CPU core.

    Raises:
        PedigreeError: if the photos have not passed validation, a photo does not decode, a breed has no crops, a side
            of the split is empty, the cluster fails, or too many held-out crops are near-duplicates of training crops.
    """
    require_passed(verdict)
    photos = read_census(census)
    plans, skipped = plan_crops(photos, settings)
    breeds = _breeds(photos, plans, skipped, settings)
    sides = _split(plans, settings)
    table = _table(sides)
    with replacing_folder(target) as folder:
        images = _images(raw / "Images", plans, sides, settings, workers or os.cpu_count() or 1)
        pack_crops(folder, breeds, _labels(table, breeds), images, settings.size)
        table.to_csv(folder / "crops.csv", index=False, lineterminator="\n", encoding="utf-8")
        leaks = find_leaks(load_crops(folder))
        counts = _counts(sides, skipped, leaks)
        write_text(facts, json.dumps(counts, indent=2, ensure_ascii=False) + "\n")
        _check_leaks(leaks, table, settings.max_holdout_twins)
    save_png(_contact_sheet(load_crops(target)), sheet)
    print(_summary(sides, skipped, settings))


def _breeds(photos: pandas.DataFrame, plans: Sequence[Plan], skipped: Skipped, settings: params.Crop) -> list[str]:
    """Return the folders of all breeds, sorted; raise if a breed has no crops."""
    breeds = sorted(set(photos["breed"]) - {""})
    missing = sorted(set(breeds) - {plan.breed for plan in plans})
    if missing:
        raise PedigreeError(no_crops(missing, skipped, settings))
    return breeds


def _split(plans: Sequence[Plan], settings: params.Crop) -> dict[str, list[Plan]]:
    """Return the plans of each side of the split, in order. The archive's own split is kept, if the census has it."""
    chosen = {plan.photo for plan in plans if plan.split == "holdout"}
    if not any(plan.split for plan in plans):
        candidates = [HoldoutCandidate(plan.photo, plan.breed, plan.group) for plan in plans]
        chosen = set(held_out(candidates, settings.holdout, settings.seed))
    sides = {
        "train": [plan for plan in plans if plan.photo not in chosen],
        "holdout": [plan for plan in plans if plan.photo in chosen],
    }
    for side, members in sides.items():
        if not members:
            raise PedigreeError(
                f"No photos on the {side} side of the split ({len(plans)} photos in all): a breed needs two different "
                "photos."
            )
    return sides


def _images(
    images: Path, plans: Sequence[Plan], sides: dict[str, list[Plan]], settings: params.Crop, workers: int
) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Yield the side and the crops of each photo, in order."""
    if settings.scheduler is None:
        crops = threads.crop_photos(images, plans, settings.size, workers)
    else:
        cuts = [(plan.photo, plan.windows) for plan in plans]
        crops = dask.crop_photos(images, cuts, settings.size, settings.scheduler)
    holdout = {plan.photo for plan in sides["holdout"]}
    for plan, cut in zip(plans, progress(crops, label="crop", total=len(plans)), strict=True):
        yield "holdout" if plan.photo in holdout else "train", cut


def _table(sides: dict[str, list[Plan]]) -> pandas.DataFrame:
    """Return one row per crop. `xmin` to `ymax` are the box in stored pixels, not its window."""
    rows: list[dict[str, Any]] = []
    for side in SIDES:
        boxes = [(plan, box) for plan in sides[side] for box in plan.boxes]
        rows += [
            {"photo": plan.photo, **asdict(box), "breed": plan.breed, "split": side, "index": index}
            for index, (plan, box) in enumerate(boxes)
        ]
    return pandas.DataFrame(rows)


def _counts(sides: dict[str, list[Plan]], skipped: Skipped, leaks: Leaks) -> dict[str, Any]:
    return {
        "crops": {side: sum(len(plan.windows) for plan in sides[side]) for side in SIDES},
        "photos": {side: len(sides[side]) for side in SIDES},
        "skipped": dict(sorted(total(skipped).items())),
        "holdout_twins": round(leaks.share, 6),
    }


def _check_leaks(leaks: Leaks, table: pandas.DataFrame, limit: float) -> None:
    """Raise if more than the share `limit` of the held-out crops have a near-duplicate among the training crops."""
    if leaks.share <= limit:
        return
    photos = {side: table["photo"][table["split"] == side].to_numpy() for side in SIDES}
    pairs = zip(photos["holdout"][leaks.holdout], photos["train"][leaks.train], strict=True)
    names = [f"{held} is like {trained}" for held, trained in dict.fromkeys(pairs)]
    more = f", and {len(names) - MOST_PAIRS} more" if len(names) > MOST_PAIRS else ""
    raise PedigreeError(
        f"{100 * leaks.share:.3g} % of the held-out crops have a near-duplicate among the training crops; "
        f"crop.max_holdout_twins allows {100 * limit:.3g} %: {'; '.join(names[:MOST_PAIRS])}{more}. Name one photo of "
        "each pair in validate.set_aside."
    )


def _labels(table: pandas.DataFrame, breeds: Sequence[str]) -> dict[str, npt.NDArray[np.int32]]:
    """Return the labels `(n,)` of each side."""
    labels = table["breed"].map({breed: label for label, breed in enumerate(breeds)})
    return {side: np.asarray(labels[table["split"] == side], np.int32) for side in SIDES}


def _contact_sheet(crops: Crops) -> Image.Image:
    """Draw evenly chosen training crops, one row per breed. Rows of breeds with few crops end in white."""
    breeds = crops.breeds[:SHEET_BREEDS]
    sheet = np.full((len(breeds), SHEET_CROPS, crops.size, crops.size, 3), 255, np.uint8)
    for row in range(len(breeds)):
        indices = np.flatnonzero(crops.train_labels == row)
        for column, place in enumerate(np.linspace(0, len(indices) - 1, min(SHEET_CROPS, len(indices)))):
            sheet[row, column] = crops.train_images[indices[round(place)]]
    return grid(sheet, [display_name(breed) for breed in breeds], scale=max(1, 64 // crops.size))


def _summary(sides: dict[str, list[Plan]], skipped: Skipped, settings: params.Crop) -> str:
    counts = {side: sum(len(plan.windows) for plan in plans) for side, plans in sides.items()}
    lines = [
        f"{sum(counts.values())} crops of {sum(map(len, sides.values()))} photos at {settings.size} px: "
        f"{counts['train']} to train on, {counts['holdout']} held out.",
        *(f"Skipped {text}." for text in counted(skipped)),
    ]
    return "\n".join(lines)
