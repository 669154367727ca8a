"""What is cut from each photo, decided from the census."""

import json
import time
from typing import Any

import pandas
import pytest

from pedigree.photos.annotations import Box
from pedigree.photos.census import COLUMNS
from pedigree.photos.plans import plan_crops, with_crop_facts
from pedigree.photos.windows import Window
from pedigree.settings import params

PUG, BOXER = "n00000002-pug", "n00000001-boxer"


def photo(name: str, boxes: list[list[int]] | None = None, **facts: Any) -> dict[str, Any]:
    blank = {column: kind() for column, kind in COLUMNS.items()}
    row = {"photo": name, "breed": name.split("/")[0], "width": 400, "height": 200, "orientation": 1, "usable": True}
    return blank | row | {"boxes": "" if boxes is None else json.dumps(boxes)} | facts


def census(*rows: dict[str, Any]) -> pandas.DataFrame:
    return pandas.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def settings(**changes: Any) -> params.Crop:
    return params.Crop(**({"padding": 0.0} | changes))


@pytest.mark.parametrize(
    ("fit", "window"),
    [
        ("pad", Window(20, 0, 200, 200)),
        ("stretch", Window(100, 0, 40, 200)),
        ("cover", Window(100, 0, 40, 40)),
        ("head", Window(100, 0, 40, 40)),  # until the crop stage has found the head
    ],
)
def test_the_fit_decides_the_window_and_never_the_box(fit: Any, window: Window) -> None:
    plans, skipped = plan_crops(census(photo(f"{PUG}/a.jpg", [[100, 0, 140, 200]])), settings(fit=fit, max_aspect=5.0))
    assert plans[0].boxes == (Box(100, 0, 140, 200),)
    assert plans[0].windows == (window,)
    assert skipped == {}


def test_the_orientation_decides_where_the_top_is() -> None:
    rows = [photo(f"{PUG}/{o}.jpg", [[0, 0, 80, 200]], orientation=o) for o in (1, 3, 6)]
    plans, _ = plan_crops(census(*rows), settings(fit="cover"))
    assert [plan.windows[0].ymin for plan in plans] == [0, 120, 60]


@pytest.mark.parametrize(
    ("facts", "frames", "reasons"),
    [
        (
            {"box_problems": "annotated at 9 x 9, the photo is 400 x 200"},
            "boxes",
            ["photo (annotated at another size)"],
        ),
        ({"box_problems": "the annotation is empty"}, "boxes", ["photo (unreadable annotation)"]),
        ({"boxes": []}, "boxes", ["photo (annotated without a dog)"]),
        ({"boxes": [[0, 0, 9, 9]]}, "boxes", ["box (shorter side under 24 px)"]),
        ({"boxes": [[500, 0, 600, 90]]}, "boxes", ["box (no area inside the photo)"]),
        ({"width": 23}, "boxes", ["photo (shorter side under 24 px)"]),
        ({"width": 23}, "whole", ["photo (shorter side under 24 px)"]),
        ({"width": 801}, "whole", ["photo (more elongated than 4:1)"]),
        ({"width": 801}, "boxes", ["photo (more elongated than 4:1)"]),
        ({"usable": False}, "both", ["photo (not usable)"]),
        (
            {"width": 20, "boxes": [[0, 0, 20, 90]]},
            "both",
            ["box (shorter side under 24 px)", "photo (shorter side under 24 px)"],
        ),
    ],
)
def test_what_gives_no_crop_is_counted_by_breed_and_reason(
    facts: dict[str, Any], frames: Any, reasons: list[str]
) -> None:
    plans, skipped = plan_crops(
        census(photo(f"{PUG}/a.jpg", **facts), photo(f"{BOXER}/a.jpg")), settings(frames=frames)
    )
    assert [plan.photo for plan in plans] == [f"{BOXER}/a.jpg"]
    assert skipped == {PUG: dict.fromkeys(reasons, 1)}


def test_the_facts_say_how_much_is_mirrored_and_enlarged() -> None:
    rows = census(
        photo(f"{PUG}/tight.jpg", [[0, 0, 400, 200]]),
        photo(f"{PUG}/two.jpg", [[0, 0, 32, 32], [0, 0, 100, 100]]),
        photo(f"{BOXER}/none.jpg", [[0, 0, 9, 9]]),
        photo(f"{BOXER}/bare.jpg"),
    )
    facts = with_crop_facts(rows, settings(size=64))
    assert facts["photo"].tolist() == rows["photo"].tolist()
    assert facts["mirrored"].tolist() == pytest.approx([0.5, 0, 0, 0])
    assert facts["enlargement"].tolist() == pytest.approx([64 / 400, 2, 0, 64 / 200])


@pytest.mark.parametrize(
    ("fit", "mirrored", "enlargement"), [("pad", 0.75, 64 / 400), ("stretch", 0, 0.64), ("cover", 0, 0.64)]
)
def test_only_pad_mirrors_and_the_shorter_side_is_enlarged(fit: Any, mirrored: float, enlargement: float) -> None:
    row = photo(f"{PUG}/a.jpg", [[0, 0, 400, 100]], height=100)
    facts = with_crop_facts(census(row), settings(size=64, fit=fit))
    assert (facts["mirrored"].item(), facts["enlargement"].item()) == pytest.approx((mirrored, enlargement))


def test_facts_keep_the_index_of_the_census_and_an_empty_census_has_none() -> None:
    rows = census(photo(f"{PUG}/b.jpg"), photo(f"{PUG}/a.jpg")).set_axis([7, 3])
    assert with_crop_facts(rows, settings()).index.tolist() == [7, 3]
    assert with_crop_facts(census(), settings()).empty


def test_a_large_census_is_planned_quickly() -> None:
    rows = census(*(photo(f"{PUG}/{n}.jpg", [[0, 0, 90, 120], [100, 0, 240, 190]]) for n in range(5000)))
    start = time.process_time()
    with_crop_facts(rows, settings())
    assert time.process_time() - start < 2
