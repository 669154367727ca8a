"""The census: a row a photo, a row a breed. It states facts; `expectations` judges them."""

import hashlib
import json
import os
import re
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas
from PIL import Image, UnidentifiedImageError

from pedigree.common.files import replacing_file
from pedigree.common.progress import progress
from pedigree.errors import PedigreeError
from pedigree.photos.annotations import Annotation, read_annotation

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

COLUMNS: dict[str, type] = {
    "photo": str,  # "<breed>/<file>" under Images
    "breed": str,  # the folder; empty for a file beside the folders
    "bytes": int,
    "width": int,  # pixels as stored, before EXIF turns them; 0 where the header cannot be read
    "height": int,
    "mode": str,  # Pillow's name
    "orientation": int,  # EXIF's 1 to 8, 1 if none
    "problem": str,  # why the photo is not usable, else empty
    "sha256": str,
    "boxes": str,  # JSON [[xmin, ymin, xmax, ymax], ...] as given; empty where no annotation can be read
    "box_problems": str,
    "annotated_breed": str,  # the names in the XML, joined with "; " where dogs of one photo have several
    "annotated_folder": str,  # the <folder> in the XML, in Stanford's the digits of the WordNet id
    "usable": bool,
}

QUARTILES = np.array([0.25, 0.5, 0.75])

_ORIENTATION = 0x0112  # EXIF's tag
_BYTES_LEFT = re.compile(r" \(\d+ bytes not processed\)")  # of Pillow's buffer, not of the file


def breed_folders(raw: Path) -> list[str]:
    """Return the names of the breeds' folders, sorted; empty ones too.

    Raises:
        PedigreeError: where there are none.
    """
    images = raw / "Images"
    folders = sorted(entry.name for entry in images.iterdir() if entry.is_dir()) if images.is_dir() else []
    if not folders:
        raise PedigreeError(f"{images} has no folders of photos: run `pedigree unpack` first.")
    return folders


def take_census(raw: Path, workers: int | None = None) -> pandas.DataFrame:
    """Open every file under `raw/Images` and read its annotation under `raw/Annotation`.

    Photos are decoded to the end, so that a truncated one is found, but never held: memory grows by a row a photo.

    Args:
        raw: the folder with `Images` and perhaps `Annotation`.
        workers: threads, a core each if None; the result is the same whatever their number.

    Returns:
        A row a file, sorted by `photo`, with the columns of `COLUMNS`.

    Raises:
        PedigreeError: where there are no breeds, or a file's name is not UTF-8.
    """
    names = _photo_names(raw)
    Image.init()  # once, before threads would race to
    with warnings.catch_warnings(), ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        rows = list(progress(pool.map(partial(_row, raw), names), label="census", total=len(names)))
    return pandas.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def breed_census(photos: pandas.DataFrame, folders: Sequence[str] = ()) -> pandas.DataFrame:
    """Sum up a photo census breed by breed.

    Args:
        photos: what `take_census` returns.
        folders: the breeds' folders, which a photo census cannot tell where they are empty.

    Returns:
        A row a breed, sorted: `breed`, `photos`, `usable`, `boxes` (numbers) and the quartiles of usable photos,
        in pixels: `width_25`, `width_50`, `width_75`, likewise `height_` and `box_side_` (a box's longer side).
    """
    inside = photos[photos["breed"] != ""]
    usable = inside[inside["usable"]]
    sides = _box_sides(usable)
    breeds = sorted({*folders, *inside["breed"]})
    table = pandas.DataFrame(index=pandas.Index(breeds, name="breed", dtype=str))
    for name, column in (("photos", inside["breed"]), ("usable", usable["breed"]), ("boxes", sides["breed"])):
        table[name] = column.value_counts().reindex(table.index, fill_value=0).astype(int)
    for name, frame in (("width", usable), ("height", usable), ("box_side", sides)):
        quartiles = frame.groupby("breed")[name].quantile(QUARTILES).unstack().reindex(columns=QUARTILES)
        quartiles.columns = pandas.Index([f"{name}_{round(100 * quartile)}" for quartile in QUARTILES])
        table = table.join(quartiles)
    return table.reset_index()


def write_census(photos: pandas.DataFrame, path: Path) -> None:
    """Write the photo census as CSV, the same bytes for the same census."""
    with replacing_file(path) as beside:
        photos.to_csv(beside, index=False, lineterminator="\n", encoding="utf-8")


def read_census(path: Path) -> pandas.DataFrame:
    """Read what `write_census` wrote, with the types of `COLUMNS`.

    Raises:
        PedigreeError: where there is no census.
    """
    if not path.is_file():
        raise PedigreeError(f"{path} is not here: run `pedigree validate` first.")
    return pandas.read_csv(path, dtype=COLUMNS, keep_default_na=False, encoding="utf-8")


def _photo_names(raw: Path) -> list[str]:
    """List what is in the breeds' folders, and the files beside them."""
    images = raw / "Images"
    names = [f"{folder}/{entry.name}" for folder in breed_folders(raw) for entry in (images / folder).iterdir()]
    names += [entry.name for entry in images.iterdir() if not entry.is_dir()]
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise PedigreeError(f"{images}: the name of {name!r} is not UTF-8; rename it.") from None
    return sorted(names)


def _row(raw: Path, name: str) -> dict[str, Any]:
    path, (breed, _, file) = raw / "Images" / name, name.rpartition("/")
    row: dict[str, Any] = {"photo": name, "breed": breed, "bytes": 0, "sha256": "", **_UNSEEN}
    if path.is_dir():
        row["problem"] = "a folder, not a photo"
    else:
        row |= _file_facts(path)
        row |= _annotation_facts(raw / "Annotation" / breed / Path(file).stem, row)
    if not breed:
        row["problem"] = "not in a breed's folder"
    return row | {"usable": not row["problem"]}


_UNSEEN: dict[str, Any] = {
    **{"width": 0, "height": 0, "mode": "", "orientation": 1, "problem": ""},
    **{"boxes": "", "box_problems": "", "annotated_breed": "", "annotated_folder": ""},
}


def _file_facts(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            facts = {
                "bytes": os.fstat(file.fileno()).st_size,
                "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            }
            file.seek(0)
            return facts | (_picture_facts(file) if facts["bytes"] else {"problem": "empty file"})
    except OSError as error:
        return {"problem": f"cannot be read ({error.strerror})"}


def _picture_facts(file: BinaryIO) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    try:
        with Image.open(file, formats=FORMATS) as photo:
            facts = {"width": photo.width, "height": photo.height, "mode": photo.mode}
            orientation = photo.getexif().get(_ORIENTATION)
            facts["orientation"] = orientation if orientation in range(1, 9) else 1
            # An eighth of the size (JPEG only) skips most of the work, yet reads the whole stream.
            photo.draft(None, (max(1, photo.width // 8), max(1, photo.height // 8)))
            photo.load()
    except UnidentifiedImageError:
        facts["problem"] = f"not a photo ({', '.join(FORMATS)})"
    except Exception as error:  # decoders raise many kinds, and each is the file's problem
        reason = _BYTES_LEFT.sub("", " ".join(str(error).split())) or type(error).__name__
        facts["problem"] = f"does not decode: {reason}"
    return facts


def _annotation_facts(path: Path, row: dict[str, Any]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        annotation = read_annotation(path)
    except PedigreeError as error:
        return {"box_problems": str(error).removeprefix(f"{path}: ").removesuffix(".")}
    corners = [[dog.box.xmin, dog.box.ymin, dog.box.xmax, dog.box.ymax] for dog in annotation.dogs]
    return {
        "boxes": json.dumps(corners, separators=(",", ":")),
        "box_problems": "; ".join(_box_problems(annotation, row)),
        "annotated_breed": "; ".join(sorted({dog.name for dog in annotation.dogs})),
        "annotated_folder": annotation.folder,
    }


def _box_problems(annotation: Annotation, row: dict[str, Any]) -> list[str]:
    said, stored = (annotation.width, annotation.height), (row["width"], row["height"])
    problems = []
    if 0 not in said + stored and said != stored:
        problems.append(f"annotated at {said[0]} x {said[1]}, the photo is {stored[0]} x {stored[1]}")
    for number, dog in enumerate(annotation.dogs, start=1):
        box = dog.box
        if box.width <= 0 or box.height <= 0:
            problems.append(f"box {number} has no area")
        elif min(box.xmin, box.ymin) < 0 or (0 not in stored and (box.xmax > stored[0] or box.ymax > stored[1])):
            problems.append(f"box {number} reaches outside the photo")
    return problems


def _box_sides(photos: pandas.DataFrame) -> pandas.DataFrame:
    sides = [
        (breed, max(xmax - xmin, ymax - ymin))
        for breed, boxes in zip(photos["breed"], photos["boxes"], strict=True)
        for xmin, ymin, xmax, ymax in json.loads(boxes or "[]")
    ]
    return pandas.DataFrame(sides, columns=["breed", "box_side"]).astype({"breed": str, "box_side": int})
