"""The census: a table with one row per photo, and one with one row per breed. It holds facts and judges nothing."""

import hashlib
import io
import json
import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from PIL import Image, UnidentifiedImageError

from pedigree.common.files import replacing_file
from pedigree.common.names import composed
from pedigree.common.processes import map_in_processes
from pedigree.common.progress import progress
from pedigree.errors import PedigreeError
from pedigree.photos.annotations import read_annotation
from pedigree.photos.appearance import appearance, decoded, small_luma
from pedigree.photos.boxes import stored_boxes
from pedigree.photos.exif import orientation, private_tags, swaps_sides
from pedigree.photos.jpeg import decoder_warning, is_cut_short
from pedigree.photos.modes import reason_unusable
from pedigree.photos.opening import reason
from pedigree.photos.split import read_split
from pedigree.photos.views import view_hashes

LARGEST_FILE = 500_000_000  # bytes
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

COLUMNS: dict[str, type] = {
    "photo": str,  # "<breed>/<file>" under Images
    "breed": str,  # the folder; empty for a file outside the breeds' folders
    "bytes": int,
    "width": int,  # pixels as stored, before the EXIF orientation is applied; 0 if the header cannot be read
    "height": int,
    "mode": str,  # Pillow's name
    "orientation": int,  # EXIF, 1 to 8; 1 if there is none
    "problem": str,  # the reason why the photo is not usable; empty if it is usable
    "sha256": str,
    # JSON [[xmin, ymin, xmax, ymax], ...] in stored pixels; empty if they are unknown: no annotation can be read, or it
    # is for a picture of another size. Without any annotation, box_problems is empty too.
    "boxes": str,
    "box_problems": str,
    "box_note": str,  # how the boxes were corrected, because the photo was resized or turned after its annotation
    "annotated_breed": str,  # the name in the XML; several different names are joined with "; "
    "annotated_folder": str,  # the <folder> in the XML; in Stanford Dogs, the digits of the WordNet id
    "usable": bool,
    "split": str,  # "train" or "holdout" if the archive's own split is kept; else empty
    "decoder_warning": str,  # of the JPEG decoder, for a photo that is usable all the same
    "private_tags": str,  # EXIF tags that name a place or a person, such as "GPS; owner"
    "aspect": float,  # width / height as a viewer shows it; 0 if unknown
    "brightness": float,  # these five are explained in `appearance`; 0 for a photo that does not decode
    "contrast": float,
    "entropy": float,
    "sharpness": float,
    "grey": bool,
    "phashes": str,  # perceptual hashes, separated by spaces: of the photo, then of each box; "-" where there is none
    # `validate` fills these in:
    "group": str,  # the first photo of its group of near-duplicates; empty if there are none
    "mirrored": float,  # the largest share of a crop that lies outside the photo, 0 to 1; 0 if there is no crop
    "enlargement": float,  # the largest factor by which a part of the photo is enlarged to `crop.size`; 0 likewise
}

_CORNER = r"(-?[1-9]\d{0,17}|0)"  # fits into 64 bits
_CORNERS = rf"\[{_CORNER},{_CORNER},{_CORNER},{_CORNER}\]"
_BOXES = rf"|\[\]|\[{_CORNERS}(,{_CORNERS})*\]"  # as `write_census` writes them

QUARTILES = np.array([0.25, 0.5, 0.75])

_BYTES_LEFT = re.compile(r" \(\d+ bytes not processed\)")  # depends on Pillow's buffer, not on the file


def breed_folders(raw: Path) -> list[str]:
    """Return the names of the breeds' folders, sorted, including empty folders.

    Raises:
        PedigreeError: if there are no folders.
    """
    images = raw / "Images"
    folders = sorted(entry.name for entry in images.iterdir() if entry.is_dir()) if images.is_dir() else []
    if not folders:
        raise PedigreeError(f"{images} has no folders of photos: run `pedigree unpack` first.")
    return folders


def take_census(raw: Path, workers: int | None = None, folders: Sequence[str] = ()) -> pandas.DataFrame:
    """Open every photo under `raw/Images` and read its annotation under `raw/Annotation`.

    Each photo is decoded to its end, so that truncated photos are found, and measured. Its pixels are not kept: memory
    grows by one row per photo.

    Args:
        raw: the folder that holds `Images` and, optionally, `Annotation`.
        workers: number of processes; None means one per CPU core. The result does not depend on it.
        folders: the breeds' folders to open. Empty: all of them, and the files next to them, which have no breed.

    Returns:
        One row per file, sorted by `photo`, with the columns of `COLUMNS`.

    Raises:
        PedigreeError: if there are no breeds, if the name of a file is not UTF-8, or if the archive's split is damaged.
    """
    names, split = _photo_names(raw, folders), read_split(raw)
    Image.init()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        rows = list(progress(map_in_processes(partial(_row, raw), names, workers), label="census", total=len(names)))
    photos = pandas.DataFrame(rows, columns=list(COLUMNS))
    photos["split"] = [split.get(composed(name), "") for name in names]
    return photos.astype(COLUMNS)


def breed_census(photos: pandas.DataFrame, folders: Sequence[str] = ()) -> pandas.DataFrame:
    """Summarise a photo census by breed.

    Args:
        photos: one row per photo, from `take_census`.
        folders: the breeds' folders. The photo census has no row for an empty folder, so it must be named here.

    Returns:
        One row per breed, sorted: `breed`; the counts `photos`, `usable` and `boxes`; and the quartiles of usable
        photos in pixels, `width_25`, `width_50`, `width_75`, and likewise `height_` and `box_side_` (the longer side
        of a box).
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
    """Write the photo census as CSV. Equal censuses give equal bytes."""
    with replacing_file(path) as temporary:
        photos.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")


def read_census(path: Path, needed: Collection[str] = tuple(COLUMNS)) -> pandas.DataFrame:
    """Read a census written by `write_census`, with the types of `COLUMNS`.

    Args:
        path: of the file.
        needed: the columns that must be there. An older version wrote fewer.

    Raises:
        PedigreeError: if there is no such file, if it is damaged, or if it lacks a column.
    """
    if not path.is_file():
        raise PedigreeError(f"{path} is not here: run `pedigree validate` first.")
    try:
        photos = pandas.read_csv(path, dtype=COLUMNS, keep_default_na=False, encoding="utf-8")
    except (ValueError, OverflowError, pandas.errors.ParserError) as error:
        raise PedigreeError(f"{path} is damaged ({reason(error)}): run `pedigree validate` again.") from None
    if missing := [column for column in needed if column not in photos]:
        raise PedigreeError(f"{path} lacks the column {missing[0]}: run `pedigree validate` again.")
    if "boxes" in photos and not photos["boxes"].str.fullmatch(_BOXES, flags=re.ASCII).all():
        raise PedigreeError(f"{path} is damaged (boxes): run `pedigree validate` again.")
    if "photo" in photos and "breed" in photos and not _are_in_folders(photos["photo"], photos["breed"]):
        raise PedigreeError(f"{path} is damaged (breed): run `pedigree validate` again.")
    return photos


def _are_in_folders(names: "pandas.Series[str]", breeds: "pandas.Series[str]") -> bool:
    """Whether each photo, "<breed>/<file>", lies in the folder of its breed."""
    folders = [name.rpartition("/")[0] for name in names]
    return folders == breeds.tolist() and not any(".." in folder.split("/") for folder in folders)


def _photo_names(raw: Path, folders: Sequence[str]) -> list[str]:
    """List the files in these folders; if there are none, in all folders and next to them."""
    images, opened = raw / "Images", folders or breed_folders(raw)
    names = [f"{folder}/{entry.name}" for folder in opened for entry in (images / folder).iterdir()]
    if not folders:
        names += [entry.name for entry in images.iterdir() if not entry.is_dir()]
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise PedigreeError(f"{images}: the name of {name!r} is not UTF-8; rename it.") from None
    return sorted(names)


def _row(raw: Path, name: str) -> dict[str, Any]:
    path, (breed, _, file) = raw / "Images" / name, name.rpartition("/")
    row: dict[str, Any] = {"photo": name, "breed": breed, "bytes": 0, "sha256": "", **_UNKNOWN}
    if path.is_dir():
        row["problem"] = "a folder, not a photo"
    else:
        facts, luma = _file_facts(path)
        row |= facts
        row |= _annotation_facts(raw / "Annotation" / breed / Path(file).stem, row)
        if luma and not row["problem"]:
            row["phashes"] = view_hashes(luma, row)
    if not breed:
        row["problem"] = "not in a breed's folder"
    return row | {"usable": not row["problem"]}


_UNKNOWN: dict[str, Any] = {
    **{"width": 0, "height": 0, "mode": "", "orientation": 1, "problem": ""},
    **{"boxes": "", "box_problems": "", "box_note": "", "annotated_breed": "", "annotated_folder": ""},
    **{"decoder_warning": "", "private_tags": "", "aspect": 0.0},
    **{"brightness": 0.0, "contrast": 0.0, "entropy": 0.0, "sharpness": 0.0, "grey": False},
    **{"phashes": "", "group": "", "mirrored": 0.0, "enlargement": 0.0},
}


def _file_facts(path: Path) -> tuple[dict[str, Any], Image.Image | None]:
    """Return what is known from the file, and a small copy of the photo unless it does not decode."""
    try:
        size = path.stat().st_size
        if not path.is_file():  # a pipe or a device would never end
            return {"problem": "not a regular file"}, None
        if size > LARGEST_FILE:
            return {"bytes": size, "problem": f"larger than {LARGEST_FILE // 10**6} MB"}, None
        content = path.read_bytes()
    except OSError as error:
        return {"problem": f"cannot be read ({error.strerror})"}, None
    facts = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if not content:
        return facts | {"problem": "empty file"}, None
    pictured, luma = _picture_facts(content)
    return facts | pictured, luma


def _picture_facts(content: bytes) -> tuple[dict[str, Any], Image.Image | None]:
    facts: dict[str, Any] = {}
    luma = None
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as photo:
            facts = {"width": photo.width, "height": photo.height, "mode": photo.mode}
            facts["orientation"] = orientation(photo)
            turned = swaps_sides(facts["orientation"])
            facts["aspect"] = round((photo.width / photo.height) ** (-1 if turned else 1), 4)
            facts["private_tags"] = private_tags(photo)
            facts["problem"] = reason_unusable(photo)
            if facts["problem"]:
                return facts, None
            colors = decoded(photo)
            luma = small_luma(colors)
            facts |= vars(appearance(colors, luma))
            if photo.format in ("JPEG", "MPO"):  # MPO: a JPEG followed by others, as phones write it
                facts["decoder_warning"] = decoder_warning(content)
                if is_cut_short(facts["decoder_warning"]):
                    facts["problem"] = f"does not decode: {facts['decoder_warning']}"
    except UnidentifiedImageError:
        facts["problem"] = f"not a photo ({', '.join(FORMATS)})"
    except MemoryError:  # says nothing about the photo
        raise
    except Exception as error:  # decoders raise many kinds of exceptions; each means that the file is broken
        facts["problem"] = f"does not decode: {_BYTES_LEFT.sub('', reason(error))}"
    return facts, luma


def _annotation_facts(path: Path, row: dict[str, Any]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        annotation = read_annotation(path)
    except PedigreeError as error:
        return {"box_problems": str(error).removeprefix(f"{path}: ").removesuffix(".")}
    stored = stored_boxes(annotation, (row["width"], row["height"]), row["orientation"])
    return {
        "boxes": "" if stored.boxes is None else json.dumps([astuple(b) for b in stored.boxes], separators=(",", ":")),
        "box_problems": "; ".join(stored.problems),
        "box_note": stored.note,
        "annotated_breed": "; ".join(sorted({dog.name for dog in annotation.dogs})),
        "annotated_folder": annotation.folder,
    }


def _box_sides(photos: pandas.DataFrame) -> pandas.DataFrame:
    sides = [
        (breed, max(xmax - xmin, ymax - ymin))
        for breed, boxes in zip(photos["breed"], photos["boxes"], strict=True)
        for xmin, ymin, xmax, ymax in json.loads(boxes or "[]")
    ]
    return pandas.DataFrame(sides, columns=["breed", "box_side"]).astype({"breed": str, "box_side": int})
