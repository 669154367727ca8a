"""The split that came with the archive: which photos are to train on and which are held out."""

import csv
from pathlib import Path

from pedigree.common.names import composed
from pedigree.common.packed_crops import SIDES
from pedigree.common.paths import SPLIT
from pedigree.errors import PedigreeError


def read_split(raw: Path) -> dict[str, str]:
    """Return `train` or `holdout` for each photo, "<breed>/<file>" in NFC; empty if no split is kept in `raw`.

    Raises:
        PedigreeError: if the file is damaged.
    """
    path = raw / SPLIT.name
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _sides(list(csv.reader(file, strict=True)))
    except (OSError, ValueError, csv.Error) as error:
        raise PedigreeError(f"{path} is damaged ({error}): run `pedigree unpack` again.") from None


def _sides(rows: list[list[str]]) -> dict[str, str]:
    if rows[:1] != [["photo", "split"]]:
        raise ValueError("expected the columns photo and split")
    sides: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != 2 or row[1] not in SIDES or "/" not in row[0] or composed(row[0]) in sides:
            raise ValueError(f"row {number} is {row}")
        sides[composed(row[0])] = row[1]
    return sides
