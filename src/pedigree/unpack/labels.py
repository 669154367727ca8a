"""A table of breeds, `labels.csv` with the columns `id` and `breed`, for photos that lie together in one folder."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pedigree.common.names import composed
from pedigree.errors import PedigreeError
from pedigree.unpack.layouts import Parts, Places, breed_folder, placed, shown

LARGEST_FILE = 50_000_000  # bytes; a row usually has about fifty

_NAME = "labels.csv"
_COLUMNS = ("id", "breed")


def is_labels(parts: Parts) -> bool:
    """Whether a file has the name of the table, in any case."""
    return parts[-1].casefold() == _NAME


def is_table(parts: Parts) -> bool:
    """Whether the name of a file ends with .csv, in any case."""
    return PurePosixPath(parts[-1]).suffix.lower() == ".csv"


def read_labels(source: str, path: Path) -> dict[str, str]:
    """Read the breed of each photo by its id. Other columns are ignored.

    Args:
        source: the name of the file for messages.
        path: the file.

    Returns:
        Names of breeds that are safe as names of folders, by id; both in NFC.

    Raises:
        PedigreeError: if the file is too large, not UTF-8, or has no such columns; or naming the line of an empty id,
            an empty or unsafe breed, or a second breed of an id.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise PedigreeError(f"{source} is larger than {LARGEST_FILE} bytes, so it is not a table of breeds.")
    labels: dict[str, str] = {}
    try:
        for line, photo, breed in _rows(source, path):
            if labels.setdefault(photo, breed) != breed:
                raise PedigreeError(
                    f"{source}, line {line}: photo {shown(photo)} has the breeds {shown(labels[photo])} and "
                    f"{shown(breed)}; remove one."
                )
    except UnicodeDecodeError:
        raise PedigreeError(f"{source} is not UTF-8: save it in this encoding.") from None
    except csv.Error as error:
        raise PedigreeError(f"{source} cannot be read as CSV ({error}); correct it.") from None
    return labels


def place_labelled(source: str, archive: Path, names: Mapping[Parts, Parts], labels: Mapping[str, str]) -> Places:
    """Decide where every photo with a label belongs. A label's id is the stem or the name of the photo's file.

    Args:
        source: the name of the table for messages.
        archive: the archive of the photos, for messages.
        names: the names of the photos in the archive, by their names without the folders of splits.
        labels: the breed of each id.

    Raises:
        PedigreeError: if there are no labels; or naming an id that is of no photo or of several, or two photos that
            would become the same file.
    """
    if not labels:
        raise PedigreeError(f"{source} names no photo: write one row per photo, with its id and breed.")
    files: dict[str, list[Parts]] = {}
    for parts, member in names.items():
        for key in {PurePosixPath(member[-1]).stem, member[-1]}:
            files.setdefault(key, []).append(parts)
    _check_ids(source, archive, labels, {key: [names[parts] for parts in found] for key, found in files.items()})
    owners = {files[key][0]: breed for key, breed in labels.items()}
    _check_once(source, labels, files, owners)
    return placed(source, ((breed, parts[-1], names[parts]) for parts, breed in owners.items()), by_stem=False)


def _rows(source: str, path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield the number of the line, the id and the breed of each row."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        header = [cell.strip().casefold() for cell in next(reader, [])]
        for column in _COLUMNS:
            if header.count(column) != 1:
                raise PedigreeError(
                    f"{source}: expected the columns id and breed, each once. Received: {shown(', '.join(header))}."
                )
        places = [header.index(column) for column in _COLUMNS]
        for row in filter(None, reader):
            photo, breed = (row[place].strip() if place < len(row) else "" for place in places)
            where = f"{source}, line {reader.line_num}"
            if not photo or not breed:
                raise PedigreeError(f"{where}: the {'breed' if photo else 'id'} is empty; write it there.")
            yield reader.line_num, composed(photo), breed_folder(where, breed)


def _check_ids(source: str, archive: Path, labels: Mapping[str, str], photos: Mapping[str, list[Parts]]) -> None:
    missing = [photo for photo in labels if photo not in photos]
    if missing:
        raise PedigreeError(
            f"{source}: {len(missing)} of {len(labels)} ids have no photo in {archive}, such as {shown(missing[0])}; "
            "check that the files belong together."
        )
    for photo in labels:
        if len(photos[photo]) > 1:
            one, other = (shown("/".join(member)) for member in sorted(photos[photo])[:2])
            raise PedigreeError(f"{source}: id {shown(photo)} fits the photos {one} and {other}; rename or remove one.")


def _check_once(
    source: str, labels: Mapping[str, str], files: Mapping[str, list[Parts]], owners: Mapping[Parts, str]
) -> None:
    """Raise if a photo has one breed by its stem and another by the name of its file."""
    for photo, breed in labels.items():
        if owners[files[photo][0]] != breed:
            raise PedigreeError(
                f"{source}: photo {shown(photo)} has the breeds {shown(breed)} and "
                f"{shown(owners[files[photo][0]])}; remove one."
            )
