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
from pedigree.common.files import replacing_file, replacing_folder, write_text
from pedigree.common.grids import grid, save_png
from pedigree.common.packed_crops import SIDES, Crops, load_crops, pack_crops
from pedigree.common.paths import CONTACT_SHEET, CROP_FACTS, CROPS, FEATURES
from pedigree.common.plurals import plural
from pedigree.common.printable import printable
from pedigree.common.progress import progress
from pedigree.crop import dask, threads
from pedigree.crop.crop_groups import group_crops
from pedigree.crop.heads import load_finder, with_head_windows
from pedigree.crop.holdout import HoldoutCandidate, held_out
from pedigree.crop.skipped import counted, no_crops, total
from pedigree.crop.store import CropStore
from pedigree.errors import PedigreeError
from pedigree.photos.census import read_census
from pedigree.photos.plans import Plan, Skipped, plan_crops
from pedigree.photos.verdict import require_passed
from pedigree.settings import params

SHEET_BREEDS = 30  # most rows of the contact sheet
SHEET_CROPS = 10  # most crops in a row
MOST_PAIRS = 5  # pairs of twins that an error names
MOST_BREEDS = 10  # breeds without held-out crops that are named


def crop(
    raw: Path,
    census: Path,
    verdict: Path,
    settings: params.Crop,
    target: Path = CROPS,
    sheet: Path = CONTACT_SHEET,
    facts: Path = CROP_FACTS,
    workers: int | None = None,
    cache: Path = FEATURES,
) -> None:
    """Crop the usable photos of `raw` into `target`, and draw a contact sheet of some crops. An error changes no file.

    `target` gets the files of `common.packed_crops`, and `crops.csv`: one row per crop, train before holdout, each in
    the order of its array. All of them depend on the photos and the settings alone.

    Args:
        raw: the folder that holds `Images`.
        census: the census of the photos.
        verdict: the verdict of validation.
        settings: how to crop. `settings.scheduler` is the address of a Dask cluster to use in place of threads.
        target: the folder to write, which is replaced.
        sheet: the PNG of the contact sheet: at most 30 breeds, and 10 crops of each.
        facts: the JSON of counts: crops of each side, skipped photos and boxes, enlarged crops, boxes without a
            visible head (`settings.fit` head), held-out crops with a training twin.
        workers: number of threads; None means one per CPU core.
        cache: the folder of cached features, for the places of heads.

    Raises:
        PedigreeError: if the photos have not passed validation, a photo does not decode, a breed has no crops, a side
            of the split is empty, the cluster fails, too many held-out crops look like training crops, or the weights
            of the network that finds heads are missing.
    """
    require_passed(verdict)
    photos = read_census(census)
    plans, skipped = plan_crops(photos, settings)
    breeds = _breeds(photos, plans, skipped, settings)
    headless = None
    if settings.fit == "head":
        images, padding, size = raw / "Images", settings.padding, settings.size
        plans, headless = with_head_windows(plans, photos, images, padding, size, load_finder(), cache)
    with (
        replacing_file(facts) as new_facts,
        replacing_file(sheet) as new_sheet,
        replacing_folder(target) as folder,
        CropStore(folder / "all.bin", settings.size) as crops,
    ):
        for cut in _cut(raw / "Images", plans, settings, workers or os.cpu_count() or 1):
            crops.append(cut)
        group = group_crops(plans, crops)
        sides = _split(plans, group, settings)
        table = _table(plans, sides)
        ordered = ((side, crops[place][None]) for side, place in zip(table["split"], table.index, strict=True))
        pack_crops(folder, breeds, _labels(table, breeds), ordered, settings.size)
        table.to_csv(folder / "crops.csv", index=False, lineterminator="\n", encoding="utf-8")
        twins = _twins(table, plans, group)
        counts = _counts(table, skipped, twins) | {"enlarged": _enlarged(plans, settings.size)}
        if headless is not None:
            counts["headless"] = headless
        _check_twins(twins, counts["holdout_twins"], settings.max_holdout_twins)
        write_text(new_facts, json.dumps(counts, indent=2, ensure_ascii=False) + "\n")
        save_png(_contact_sheet(load_crops(folder)), new_sheet)
    kept = any(plan.split for plan in plans)
    print(printable(_summary(table, skipped, settings, headless or 0, kept=kept)))


def _breeds(photos: pandas.DataFrame, plans: Sequence[Plan], skipped: Skipped, settings: params.Crop) -> list[str]:
    """Return the folders of all breeds, sorted; raise if a breed has no crops."""
    breeds = sorted(set(photos["breed"]) - {""})
    missing = sorted(set(breeds) - {plan.breed for plan in plans})
    if missing:
        raise PedigreeError(no_crops(missing, skipped, settings))
    return breeds


def _cut(images: Path, plans: Sequence[Plan], settings: params.Crop, workers: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the crops of each photo, in order."""
    if settings.scheduler is None:
        crops = threads.crop_photos(images, plans, settings.size, workers)
    else:
        cuts = [(plan.photo, plan.windows) for plan in plans]
        crops = dask.crop_photos(images, cuts, settings.size, settings.scheduler)
    yield from progress(crops, label="crop", total=len(plans))


def _split(plans: Sequence[Plan], group: npt.NDArray[np.intp], settings: params.Crop) -> list[str]:
    """Return the side of each plan. The archive's own split is kept, if the census has it.

    Args:
        plans: the photos.
        group: `(plans,)`; plans of the same group are on the same side.
        settings: the share to hold out, and the seed.
    """
    chosen = {plan.photo for plan in plans if plan.split == "holdout"}
    if not any(plan.split for plan in plans):
        candidates = [
            HoldoutCandidate(plan.photo, plan.breed, plans[first].photo)
            for plan, first in zip(plans, group, strict=True)
        ]
        chosen = set(held_out(candidates, settings.holdout, settings.seed))
    elif not all(plan.split for plan in plans):
        photo = next(plan.photo for plan in plans if not plan.split)
        raise PedigreeError(f"{photo} is on no side of the archive's split: run `pedigree unpack` again.")
    sides = ["holdout" if plan.photo in chosen else "train" for plan in plans]
    trained = {plan.breed for plan, side in zip(plans, sides, strict=True) if side == "train"}
    if untrained := sorted({plan.breed for plan in plans} - trained):
        raise PedigreeError(
            f"No crops of {', '.join(untrained)} to train on: the photos on that side of the archive's split were "
            "skipped. Set unpack.split to merge."
        )
    for side in SIDES:
        if side not in sides:
            raise PedigreeError(
                f"No photos on the {side} side of the split ({plural(len(plans), 'photo')} in all): a breed needs two "
                "different photos."
            )
    return sides


def _table(plans: Sequence[Plan], sides: Sequence[str]) -> pandas.DataFrame:
    """Return one row per crop, by side and then in order. The index of the table is the place among all crops.

    `xmin` to `ymax` are the box in stored pixels, not its window. `index` is the place among the crops of the side.
    """
    table = pandas.DataFrame(
        [
            {"photo": plan.photo, **asdict(box), "breed": plan.breed, "split": side}
            for plan, side in zip(plans, sides, strict=True)
            for box in plan.boxes
        ]
    )
    table = pandas.concat([table[table["split"] == side] for side in SIDES])
    return table.assign(index=table.groupby("split").cumcount())


def _twins(table: pandas.DataFrame, plans: Sequence[Plan], group: npt.NDArray[np.intp]) -> dict[str, str]:
    """Return for each held-out photo that is a near-duplicate of a training photo, by name, such a photo."""
    groups = dict(zip((plan.photo for plan in plans), group.tolist(), strict=True))
    train, holdout = (table["photo"][table["split"] == side].unique() for side in SIDES)
    first = {groups[photo]: photo for photo in reversed(train)}
    return {photo: first[groups[photo]] for photo in holdout if groups[photo] in first}


def _counts(table: pandas.DataFrame, skipped: Skipped, twins: dict[str, str]) -> dict[str, Any]:
    by_side = {side: table[table["split"] == side] for side in SIDES}
    return {
        "crops": {side: len(rows) for side, rows in by_side.items()},
        "photos": {side: rows["photo"].nunique() for side, rows in by_side.items()},
        "skipped": dict(sorted(total(skipped).items())),
        "holdout_twins": round(float(by_side["holdout"]["photo"].isin(twins).mean()), 6),
    }


def _enlarged(plans: Sequence[Plan], size: int) -> float:
    """Return the share of crops that have more pixels than their window."""
    return round(float(np.mean([window.shorter < size for plan in plans for window in plan.windows])), 6)


def _check_twins(twins: dict[str, str], share: float, limit: float) -> None:
    """Raise if more than the share `limit` of the held-out crops look like a training crop."""
    if share <= limit:
        return
    names = [f"{held} is like {trained}" for held, trained in twins.items()]
    more = f", and {len(names) - MOST_PAIRS} more" if len(names) > MOST_PAIRS else ""
    raise PedigreeError(
        f"{100 * share:.3g} % of the held-out crops look like a training crop; crop.max_holdout_twins allows "
        f"{100 * limit:.3g} %: {'; '.join(names[:MOST_PAIRS])}{more}. Name one photo of each pair in "
        "validate.set_aside, set unpack.split to merge, or raise crop.max_holdout_twins."
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


def _summary(table: pandas.DataFrame, skipped: Skipped, settings: params.Crop, headless: int, *, kept: bool) -> str:
    """Return the summary for a terminal. `kept`: whether the split is the archive's own."""
    counts = table["split"].value_counts()
    lines = [
        f"{plural(len(table), 'crop')} of {plural(table['photo'].nunique(), 'photo')} at {settings.size} px: "
        f"{counts['train']} to train on, {counts['holdout']} held out.",
        *(f"Skipped {text}." for text in counted(skipped)),
        *([f"Cut as cover {headless} × box (no visible head)."] if headless else []),
        *([] if kept else _few_held_out(table, settings.holdout)),
    ]
    return "\n".join(lines)


def _few_held_out(table: pandas.DataFrame, share: float) -> list[str]:
    """Return a line for breeds of which nothing is held out, and one if far fewer crops are held out than requested."""
    held = table["split"].eq("holdout").groupby(table["breed"]).mean()
    lines = []
    if none := [display_name(str(breed)) for breed in held.index[held == 0]]:
        more = f" and {len(none) - MOST_BREEDS} more" if len(none) > MOST_BREEDS else ""
        names = ", ".join(none[:MOST_BREEDS])
        lines.append(f"Nothing is held out of {names}{more}: one photo, or photos that belong together, stay together.")
    reached = float(table["split"].eq("holdout").mean())
    if reached < share / 2:
        lines.append(f"{100 * reached:.2g} % of the crops are held out, not {100 * share:.2g} %.")
    return lines
