"""The crop stage: every dog of every usable photo as a square, packed as arrays and split into train and holdout."""

import json
import os
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas
from PIL import Image

from pedigree.common.breeds import display_name
from pedigree.common.files import replacing_folder, write_text
from pedigree.common.grids import grid, save_png
from pedigree.common.packed_crops import Crops, load_crops
from pedigree.common.paths import CONTACT_SHEET, CROPS
from pedigree.common.progress import progress
from pedigree.crop import dask
from pedigree.crop.holdout import SplitPhoto, held_out
from pedigree.crop.squares import Square, central_square, clipped, crop_photo, reason_to_skip, square_around
from pedigree.errors import PedigreeError
from pedigree.photos.annotations import Box
from pedigree.photos.census import read_census
from pedigree.settings import params

SIDES = ("train", "holdout")
SHEET_BREEDS = 30  # rows of the contact sheet, at most
SHEET_CROPS = 10  # of each breed, at most
AHEAD = 16  # photos a worker may be ahead of the one being written


@dataclass(frozen=True)
class Plan:
    """What is to be cut from one photo: `boxes` as annotated (the whole photo for a whole frame), a square for each."""

    photo: str  # "<breed>/<file>" under Images
    breed: str  # the folder
    content: str  # sha256
    boxes: tuple[Box, ...]
    squares: tuple[Square, ...]


def crop(
    raw: Path,
    census: Path,
    report: Path,
    settings: params.Crop,
    target: Path = CROPS,
    sheet: Path = CONTACT_SHEET,
    workers: int | None = None,
) -> None:
    """Crop the usable photos of `raw` into `target` and show some on `sheet`: at most 30 breeds, 10 crops of each.

    `target` gets `train-images.npy` and `holdout-images.npy` `(n, size, size, 3)` uint8 RGB, `train-labels.npy` and
    `holdout-labels.npy` `(n,)` int32, `breeds.json` (folder names, sorted; labels index it) and `crops.csv`: a row a
    crop, train before holdout, each in its array's order. All depend on the photos and settings alone, not on `workers`
    (threads; a core each if None) nor on `settings.scheduler`, a Dask cluster that works instead of the threads.

    Raises:
        PedigreeError: where the photos are not validated, a photo does not decode, a breed has no crops, a side of the
            split is empty or the cluster fails.
    """
    _require_valid(report)
    photos = read_census(census)
    plans, skipped = plan_crops(photos, settings)
    breeds = _breeds(photos, plans)
    sides = _split(plans, settings)
    with replacing_folder(target) as folder:
        _write_images(folder, raw / "Images", plans, sides, settings, workers or os.cpu_count() or 1)
        _write_tables(folder, sides, breeds)
    save_png(_contact_sheet(load_crops(target)), sheet)
    print(_summary(photos, sides, skipped, settings))


def plan_crops(photos: pandas.DataFrame, settings: params.Crop) -> tuple[list[Plan], Counter[str]]:
    """Decide from the census what to cut from each usable photo.

    Returns:
        Plans of the photos that give crops, sorted by photo, and how many boxes or photos gave none, by reason.
    """
    plans, skipped = [], Counter[str]()
    rows: Iterator[Any] = photos[photos["usable"]].sort_values("photo").itertuples(index=False)
    for row in rows:
        cuts = [] if settings.frames == "whole" else _box_cuts(row, settings, skipped)
        if settings.frames != "boxes" or _unannotated(row):
            cuts.append((Box(0, 0, row.width, row.height), central_square(row.width, row.height)))
        if cuts:
            boxes, squares = zip(*cuts, strict=True)
            plans.append(Plan(row.photo, row.breed, row.sha256, boxes, squares))
    return plans, skipped


def _unannotated(row: Any) -> bool:
    return not row.boxes and not row.box_problems


def _box_cuts(row: Any, settings: params.Crop, skipped: Counter[str]) -> list[tuple[Box, Square]]:
    """Return a photo's boxes with their squares, and count in `skipped` what gives none."""
    annotated = [Box(*corners) for corners in json.loads(row.boxes or "[]")]
    if not annotated and not _unannotated(row):
        skipped["photo (annotated without a dog)" if row.boxes else "photo (unreadable annotation)"] += 1
    cuts = []
    for box in annotated:
        inside = clipped(box, row.width, row.height)
        reason = reason_to_skip(inside, min_box=settings.min_box, max_aspect=settings.max_aspect)
        if reason:
            skipped[f"box ({reason})"] += 1
        else:
            cuts.append((box, square_around(inside, row.width, row.height, settings.padding)))
    return cuts


def _require_valid(report: Path) -> None:
    try:
        verdict = json.loads(report.read_text(encoding="utf-8"))
    except OSError:
        raise PedigreeError(f"{report} is not here: run `pedigree validate` first.") from None
    except ValueError:
        raise PedigreeError(f"{report} is not JSON: run `pedigree validate` again.") from None
    if not isinstance(verdict, dict) or verdict.get("success") is not True:
        raise PedigreeError(f"{report} says that the photos failed: mend them, then run `pedigree validate` again.")


def _breeds(photos: pandas.DataFrame, plans: Sequence[Plan]) -> list[str]:
    """Return the folders of all breeds, sorted, each of which has crops."""
    breeds = sorted(set(photos["breed"]) - {""})
    bare = sorted(set(breeds) - {plan.breed for plan in plans})
    if bare:
        raise PedigreeError(
            f"No crops of {', '.join(bare)}: add photos, or loosen crop.min_box, crop.max_aspect or crop.frames."
        )
    return breeds


def _split(plans: Sequence[Plan], settings: params.Crop) -> dict[str, list[Plan]]:
    """Return the plans of either side, in order."""
    entries = [SplitPhoto(plan.photo, plan.breed, plan.content) for plan in plans]
    chosen = held_out(entries, settings.holdout, settings.seed)
    sides = {
        "train": [plan for plan in plans if plan.photo not in chosen],
        "holdout": [plan for plan in plans if plan.photo in chosen],
    }
    for side, members in sides.items():
        if not members:
            raise PedigreeError(f"No photos on the {side} side of {len(plans)}: a breed needs two different photos.")
    return sides


def _write_images(
    folder: Path, images: Path, plans: Sequence[Plan], sides: dict[str, list[Plan]], settings: params.Crop, workers: int
) -> None:
    """Stream the crops into the arrays of both sides, photo by photo, holding only a few in memory."""
    held = {plan.photo for plan in sides["holdout"]}
    with (folder / "train-images.npy").open("wb") as train, (folder / "holdout-images.npy").open("wb") as holdout:
        _write_header(train, sides["train"], settings.size)
        _write_header(holdout, sides["holdout"], settings.size)
        results = _crops(images, plans, settings, workers)
        for plan, crops in zip(plans, progress(results, label="crop", total=len(plans)), strict=True):
            (holdout if plan.photo in held else train).write(crops.tobytes())


def _write_header(file: BinaryIO, plans: Sequence[Plan], size: int) -> None:
    shape = (sum(len(plan.squares) for plan in plans), size, size, 3)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _crops(images: Path, plans: Sequence[Plan], settings: params.Crop, workers: int) -> Iterator[npt.NDArray[np.uint8]]:
    if settings.scheduler is None:
        return crop_photos(images, plans, settings.size, workers)
    cuts = [(plan.photo, plan.squares) for plan in plans]
    return dask.crop_photos(images, cuts, settings.size, settings.scheduler)


def crop_photos(images: Path, plans: Sequence[Plan], size: int, workers: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the crops of each photo in order, `workers` threads at work: Pillow decodes and resizes without the GIL."""
    Image.init()  # once, before threads would race to
    pending: deque[Future[npt.NDArray[np.uint8]]] = deque()
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore")  # of damaged EXIF; the census has told what matters
        for plan in plans:
            pending.append(pool.submit(crop_photo, images / plan.photo, plan.squares, size))
            if len(pending) > AHEAD * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _write_tables(folder: Path, sides: dict[str, list[Plan]], breeds: list[str]) -> None:
    """Write the labels, the breeds and the origin of each crop."""
    table = _table(sides)
    table.to_csv(folder / "crops.csv", index=False, lineterminator="\n", encoding="utf-8")
    labels = table["breed"].map({breed: label for label, breed in enumerate(breeds)})
    for side in SIDES:
        np.save(folder / f"{side}-labels.npy", labels[table["split"] == side].to_numpy(np.int32))
    write_text(folder / "breeds.json", json.dumps(breeds, ensure_ascii=False, indent=0) + "\n")


def _table(plans: dict[str, list[Plan]]) -> pandas.DataFrame:
    """Return a row a crop; `xmin` to `ymax` are the box as annotated, in stored pixels, not the square made of it."""
    rows: list[dict[str, Any]] = []
    for side in SIDES:
        cuts = [(plan, box) for plan in plans[side] for box in plan.boxes]
        rows += [
            {"photo": plan.photo, **asdict(box), "breed": plan.breed, "split": side, "index": index}
            for index, (plan, box) in enumerate(cuts)
        ]
    return pandas.DataFrame(rows)


def _contact_sheet(crops: Crops) -> Image.Image:
    """Show crops of the training side, evenly chosen, a row a breed; blank where a breed has fewer."""
    shown = crops.breeds[:SHEET_BREEDS]
    sheet = np.full((len(shown), SHEET_CROPS, crops.size, crops.size, 3), 255, np.uint8)
    for row in range(len(shown)):
        found = np.flatnonzero(crops.train_labels == row)
        for column, place in enumerate(np.linspace(0, len(found) - 1, min(SHEET_CROPS, len(found)))):
            sheet[row, column] = crops.train_images[found[round(place)]]
    return grid(sheet, [display_name(breed) for breed in shown], scale=max(1, 64 // crops.size))


def _summary(
    photos: pandas.DataFrame, sides: dict[str, list[Plan]], skipped: Counter[str], settings: params.Crop
) -> str:
    counts = {side: sum(len(plan.squares) for plan in plans) for side, plans in sides.items()}
    unusable = int((~photos["usable"]).sum())
    lines = [
        f"{sum(counts.values())} crops of {sum(map(len, sides.values()))} photos at {settings.size} px: "
        f"{counts['train']} to train on, {counts['holdout']} held out.",
        *([f"Skipped {unusable} × photo (not usable)."] if unusable else []),
        *(f"Skipped {number} × {reason}." for reason, number in sorted(skipped.items())),
    ]
    return "\n".join(lines)
