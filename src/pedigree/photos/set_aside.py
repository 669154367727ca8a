"""Photos that a person leaves out by name: a table with the columns `photo` and `reason`."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from pedigree.common.names import composed
from pedigree.errors import PedigreeError
from pedigree.settings.fields import nearest

COLUMNS = ["photo", "reason"]
LABEL = "set aside"  # the problem of such a photo in the census begins with this


def read_set_aside(path: Path) -> dict[str, str]:
    """Return the reason for each photo, by its name, "<breed>/<file>".

    Raises:
        PedigreeError: if the file is missing or is not such a table. The message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PedigreeError(
            f"{path} cannot be read ({error.strerror}): validate.set_aside must name a table. An empty one is the line "
            "photo,reason."
        ) from None
    except UnicodeDecodeError:
        raise PedigreeError(f"{path} is not UTF-8.") from None
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or [cell.strip() for cell in rows[0]] != COLUMNS:
        raise PedigreeError(f"{path}: expected the columns photo,reason. Received: {','.join(rows[0]) if rows else ''}")
    reasons: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row):
            photo, reason = _row(path, number, row)
            if photo in reasons:
                raise PedigreeError(f"{path}: line {number} names {photo} again.")
            reasons[photo] = reason
    return reasons


def problems(reasons: Mapping[str, str], photos: Iterable[str], path: Path) -> dict[str, str]:
    """Return the text for the census column `problem`, by photo.

    Raises:
        PedigreeError: if there is no photo of such a name; the message names the nearest one.
    """
    known = {composed(photo): photo for photo in photos}
    for name in reasons:
        if composed(name) not in known:
            raise PedigreeError(f"{path}: there is no photo {name!r}{nearest(name, known)}.")
    return {known[composed(name)]: f"{LABEL}: {reason}" for name, reason in reasons.items()}


def _row(path: Path, number: int, row: list[str]) -> tuple[str, str]:
    cells = [cell.strip() for cell in row]
    if len(cells) != len(COLUMNS) or not all(cells):
        raise PedigreeError(
            f"{path}: line {number} must have a photo and a reason (in quotes if it has a comma). "
            f"Received: {','.join(row)}"
        )
    return cells[0], cells[1]
