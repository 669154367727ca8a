"""The request of a sheet: it survives JSON, and anything else is refused by name."""

import json

import pytest

from pedigree.drawing.request import PortraitSheet, Sheet, parsed
from pedigree.errors import PedigreeError

WHOLE = Sheet(("n1-pug", "boxer"), 7, 8, 0.5, 50, labels=False)
DOG = Sheet(("boxer",), 7, 8, index=3)


@pytest.mark.parametrize("sheet", [WHOLE, DOG, Sheet(("x",))])
def test_a_sheet_survives_json(sheet: Sheet) -> None:
    assert parsed(json.loads(json.dumps(sheet.to_json()))) == sheet


def test_the_request_of_a_sheet_is_what_others_read() -> None:
    assert Sheet(("n1-pug",), 7).to_json() == {
        "breeds": ["n1-pug"],
        "seed": 7,
        "count": 8,
        "truncation": None,
        "best": None,
        "labels": True,
    }
    assert DOG.to_json() == {"breeds": ["boxer"], "seed": 7, "count": 8, "truncation": None, "best": None, "index": 3}


def test_a_sheet_of_portraits_survives_json() -> None:
    sheet = PortraitSheet(("n1-pug~7", "boxer~child(7,1,0.3)~0.8"), 2)
    assert parsed(json.loads(json.dumps(sheet.to_json()))) == sheet


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dogs": []}, "dogs"),
        ({"dogs": ["a~1"] * 65}, "dogs"),
        ({"dogs": ["a~1", 5]}, "dogs"),
        ({"dogs": "a~1"}, "keys or values"),
        ({"across": 0}, "across"),
        ({"across": 65}, "across"),
        ({"scale": 1}, "keys or values"),
    ],
)
def test_a_sheet_of_portraits_out_of_its_range_is_refused_by_name(change: dict[str, object], reason: str) -> None:
    with pytest.raises(PedigreeError, match=rf"^the picture cannot be drawn again.*{reason}"):
        parsed({"dogs": ["a~1"], "across": 1} | change)


def test_a_whole_number_is_a_truncation_too() -> None:
    assert parsed(WHOLE.to_json() | {"truncation": 2}).truncation == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"breeds": []}, "breeds"),
        ({"breeds": "pug"}, "breeds"),
        ({"breeds": [5]}, "breeds"),
        ({"breeds": ["a\nb"]}, "breeds"),
        ({"breeds": ["a" * 256]}, "breeds"),
        ({"breeds": ["x"] * 20_001}, "breeds"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": "7"}, "seed"),
        ({"count": 0}, "count"),
        ({"count": 1001}, "count"),
        ({"truncation": 0.0}, "truncation"),
        ({"truncation": float("inf")}, "truncation"),
        ({"truncation": "1"}, "truncation"),
        ({"truncation": 10**400}, "truncation"),
        ({"best": 0}, "best"),
        ({"best": 20_001}, "best"),
        ({"labels": 1}, "keys or values"),
        ({"index": 0}, "keys or values"),
        ({"more": 0}, "keys or values"),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name(change: dict[str, object], reason: str) -> None:
    with pytest.raises(PedigreeError, match=rf"^the picture cannot be drawn again.*{reason}"):
        parsed(WHOLE.to_json() | change)


@pytest.mark.parametrize("change", [{"index": 8}, {"index": -1}, {"breeds": ["boxer", "pug"]}])
def test_a_picture_is_one_of_a_single_breed(change: dict[str, object]) -> None:
    with pytest.raises(PedigreeError, match="cannot be drawn again"):
        parsed(DOG.to_json() | change)


@pytest.mark.parametrize("key", ["seed", "count", "truncation", "best", "labels"])
def test_a_missing_value_is_refused(key: str) -> None:
    request = WHOLE.to_json()
    del request[key]
    with pytest.raises(PedigreeError, match="cannot be drawn again"):
        parsed(request)


@pytest.mark.parametrize("request_", [{}, {"cats": 3}, {"\x1b" * 1000: 1}])
def test_another_kind_of_request_is_refused(request_: dict[str, object]) -> None:
    with pytest.raises(PedigreeError, match="its keys are") as error:
        parsed(request_)
    assert len(str(error.value)) < 400
