"""Readers' answers: JSON of the page and filled-in tables say the same, and what cannot be is refused by name."""

import json
from pathlib import Path

import numpy as np
import pytest

from pedigree.blind.answers import MISSING, read, read_all
from pedigree.blind.key import Key
from pedigree.errors import PedigreeError

KEY = Key("abcd", 0, {"m.keras": "00"}, np.array(["m.keras"] * 3), np.array(["A"] * 3), np.array([1, 1, 1]), 6)
ROWS = [
    {"number": 3, "dog": False, "photo": True, "breed": 0},
    {"number": 1, "dog": True, "photo": None, "breed": 6},
]
CSV = "test,number,dog,photo,breed\nabcd,3,No, y ,0\nabcd,1,yes,,6\nabcd,2,,,\n"


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def page_json(rows: object = ROWS, test: str = "abcd", reader: str = "anna") -> str:
    return json.dumps({"test": test, "reader": reader, "answers": rows})


@pytest.mark.parametrize(
    ("name", "text", "reader"),
    [
        ("answers-x.json", page_json(), "anna"),
        ("answers-bert.json", page_json(reader=""), "bert"),
        ("answers-x.json", page_json(reader="\x1b[31man\nna "), "[31manna"),
        ("answers-carl.csv", CSV, "carl"),
        ("dora.CSV", "\ufeff" + CSV, "dora"),
    ],
)
def test_both_forms_give_the_same_answers_and_the_reader(tmp_path: Path, name: str, text: str, reader: str) -> None:
    answers = read(put(tmp_path, name, text), KEY)
    assert answers.reader == reader
    assert answers.dog.tolist() == [1, MISSING, 0]
    assert answers.photo.tolist() == [MISSING, MISSING, 1]
    assert answers.breed.tolist() == [6, MISSING, 0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"number": 0}], "numbers of pictures from 1 to 3. Received: 0"),
        ([{"number": 4}], "Received: 4"),
        ([{"number": True}], "Received: True"),
        ([{"dog": True}], "Received: None"),
        ([{"number": 2}, {"number": 2}], "answers picture 2 twice"),
        ([{"number": 2, "breed": 7}], "picture 2, breed: expected a number from 0 to 6. Received: 7"),
        ([{"number": 2, "breed": -1}], "Received: -1"),
        ([{"number": 2, "breed": True}], "Received: True"),
        ([{"number": 2, "dog": 1}], "picture 2, dog: expected yes or no. Received: 1"),
        ([{"number": 2, "photo": "p"}], "picture 2, photo: expected yes or no. Received: 'p'"),
        ("none", "is not the JSON"),
        (["none"], "is not the JSON"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_by_its_picture(tmp_path: Path, rows: object, message: str) -> None:
    with pytest.raises(PedigreeError) as refusal:
        read(put(tmp_path, "a.json", page_json(rows)), KEY)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", page_json(test="ffff"), "answers the test 'ffff', and the key is of 'abcd'"),
        ("a.csv", CSV.replace("abcd", "ffff"), "answers the test 'ffff'"),
        ("a.csv", CSV.replace("abcd,1", "ffff,1"), "mixes answers to several tests: 'abcd', 'ffff'"),
        ("a.csv", "test,number,dog,photo,breed\n", "answers the test ''"),
        ("a.csv", CSV.replace("abcd,3,No", "abcd,3,maybe"), "picture 3, dog: expected yes or no. Received: 'maybe'"),
        ("a.csv", CSV.replace(",6\n", ",pug\n"), "picture 1, breed: expected a number from 0 to 6. Received: 'pug'"),
        ("a.csv", CSV.replace("abcd,3", "abcd,three"), "from 1 to 3. Received: 'three'"),
        ("a.csv", CSV.replace("photo", "foto"), "must have the columns test, number, dog, photo, breed"),
        ("a.csv", CSV.replace("abcd,3", f"abcd,{'9' * 5000}"), "from 1 to 3. Received: '999"),
        ("a.csv", CSV.replace(",6\n", f",{'9' * 5000}\n"), "expected a number from 0 to 6. Received: '999"),
        ("a.csv", CSV.replace("No", "N" * 5000), "expected yes or no. Received: 'NNN"),
        ("a.csv", CSV.replace("No", "N" * 200_000), "cannot be read as CSV (field larger"),
        ("a.json", page_json(test="f" * 5000), "answers the test 'fff"),
        ("a.csv", "", "must have the columns"),
        ("a.json", "{", "is not the JSON"),
        ("a.json", "[]", "is not the JSON"),
    ],
)
def test_a_file_of_another_test_or_form_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(PedigreeError) as refusal:
        read(put(tmp_path, name, text), KEY)
    assert message in str(refusal.value)
    assert len(str(refusal.value).replace(str(tmp_path), "")) < 300


def test_missing_and_binary_files_and_a_reader_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PedigreeError, match="is not here"):
        read(tmp_path / "none.json", KEY)
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PedigreeError, match="is not UTF-8"):
        read(tmp_path / "b.json", KEY)
    twice = [put(tmp_path, name, page_json()) for name in ("1.json", "2.json")]
    with pytest.raises(PedigreeError, match="are both by 'anna'"):
        read_all(twice, KEY)
