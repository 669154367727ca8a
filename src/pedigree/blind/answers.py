"""Readers' answers: the JSON file that the page makes, or `answers-template.csv` filled in."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pedigree.blind.key import Key
from pedigree.common import json_text
from pedigree.errors import PedigreeError

MISSING = -1
_COLUMNS = ("test", "number", "dog", "photo", "breed")
_WORDS = {"yes": True, "y": True, "no": False, "n": False}

Row = Mapping[str, Any]  # number (from 1), dog and photo (True, False or None), breed (from 0, or None)


@dataclass(frozen=True, eq=False)
class Answers:
    """One reader's answers to the n pictures of a test; `MISSING` where there is no answer.

    Attributes:
        reader: the name of the reader.
        dog: `(n,)` int8, 1 for a dog and 0 for none.
        photo: `(n,)` int8, 1 for a photo and 0 for a drawn picture.
        breed: `(n,)` int8, the number of a choice from 1, and 0 for "cannot tell".
    """

    reader: str
    dog: npt.NDArray[np.int8]
    photo: npt.NDArray[np.int8]
    breed: npt.NDArray[np.int8]


def read(path: Path, key: Key) -> Answers:
    """Read one reader's answers to the test of `key`.

    A CSV names its reader by its file name: `answers-anna.csv` is by anna. So does JSON in which no name was typed.

    Raises:
        PedigreeError: if the file is missing, has another form, belongs to another test, or has an answer that is not
            possible. The message names the picture.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError:
        raise PedigreeError(f"{path} is not here: name files with answers.") from None
    except UnicodeDecodeError:
        raise PedigreeError(f"{path} is not UTF-8 text: save the answers as JSON or CSV in UTF-8.") from None
    form = _csv if path.suffix.lower() == ".csv" else _json
    test, reader, rows = form(text, path)
    if test != key.test:
        raise PedigreeError(
            f"{path} answers the test {_short(test)}, and the key is of {key.test!r}: use the key of that test."
        )
    places = _places(rows, len(key.right), path)
    columns = {
        name: np.array([_number(places.get(place, {}), name, key.choices, path) for place in range(len(key.right))])
        for name in ("dog", "photo", "breed")
    }
    visible = "".join(letter for letter in reader if letter.isprintable()).strip()
    name = visible or path.stem.removeprefix("answers-")
    return Answers(name, **{name: column.astype(np.int8) for name, column in columns.items()})


def read_all(paths: list[Path], key: Key) -> list[Answers]:
    """Read the answers of several readers.

    Raises:
        PedigreeError: as in `read`, or if two files are by the same reader.
    """
    answers = [read(path, key) for path in paths]
    seen: dict[str, Path] = {}
    for one, path in zip(answers, paths, strict=True):
        if one.reader in seen:
            raise PedigreeError(
                f"{seen[one.reader]} and {path} are both by {one.reader!r}: keep one of them, or rename the reader."
            )
        seen[one.reader] = path
    return answers


def _json(text: str, path: Path) -> tuple[str, str, list[Row]]:
    """Return the digest of the test, the reader's name and the rows of a JSON file."""
    try:
        facts = json_text.parse(text)
        rows = facts["answers"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TypeError
        return str(facts["test"]), str(facts.get("reader", "")), rows
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PedigreeError(f"{path} is not the JSON that the page of a blind test makes.") from None


def _csv(text: str, path: Path) -> tuple[str, str, list[Row]]:
    """Return the digest of the test, an empty name and the rows of a CSV file."""
    table = csv.DictReader(text.splitlines())
    try:
        columns, filled = set(table.fieldnames or ()), list(table)
    except csv.Error as error:
        raise PedigreeError(f"{path} cannot be read as CSV ({error}): correct it.") from None
    if not set(_COLUMNS) <= columns:
        raise PedigreeError(f"{path} must have the columns {', '.join(_COLUMNS)}: fill in answers-template.csv.")
    lines = [{name: (line[name] or "").strip() for name in _COLUMNS} for line in filled]
    tests = sorted({line["test"] for line in lines})
    if len(tests) > 1:
        raise PedigreeError(
            f"{path} mixes answers to several tests: {', '.join(map(_short, tests[:3]))}. Use a file per test."
        )
    return "".join(tests), "", list(_rows(lines))


def _rows(lines: list[dict[str, str]]) -> Iterator[Row]:
    """Turn the words of a CSV into the values of JSON. What is no such word stays, for the error message."""
    for line in lines:
        row: dict[str, Any] = {"number": _whole(line["number"]), "breed": _whole(line["breed"])}
        yield row | {name: _WORDS.get(line[name].lower(), line[name] or None) for name in ("dog", "photo")}


def _whole(text: str) -> int | str | None:
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else text or None


def _places(rows: list[Row], count: int, path: Path) -> dict[int, Row]:
    """Return the rows by the place of their picture, from 0."""
    places: dict[int, Row] = {}
    for row in rows:
        number: Any = row.get("number")
        if not _is_whole(number, 1, count):
            raise PedigreeError(f"{path}: expected numbers of pictures from 1 to {count}. Received: {_short(number)}")
        if number - 1 in places:
            raise PedigreeError(f"{path} answers picture {number} twice: keep one of the answers.")
        places[number - 1] = row
    return places


def _number(row: Row, name: str, choices: int, path: Path) -> int:
    """Return one answer as a number."""
    value = row.get(name)
    if value is None:
        return MISSING
    if name == "breed" and _is_whole(value, 0, choices):
        return int(value)
    if name != "breed" and isinstance(value, bool):
        return int(value)
    expected = f"a number from 0 to {choices}" if name == "breed" else "yes or no"
    raise PedigreeError(f"{path}, picture {row['number']}, {name}: expected {expected}. Received: {_short(value)}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
