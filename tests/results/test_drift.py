"""Drift: what is said of a breed is what has changed of it, and nothing where chance alone has."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedigree.photos.census import COLUMNS, write_census
from pedigree.results import drift

CHANCE = np.random.default_rng(0)
PUG, BOXER = "n90000001-Pug", "n90000002-Boxer"


def project(root: Path, breeds: dict[str, tuple[int, int, NDArray[np.float64]]]) -> Path:
    """Write a census and crops: of each breed so many photos of such a side, crops of such a colour."""
    rows = [
        {"photo": f"{breed}/{place}.jpg", "breed": breed, "width": side + 20, "height": side, "usable": True}
        for breed, (count, side, _) in breeds.items()
        for place in range(count)
    ]
    blank = {name: kind() for name, kind in COLUMNS.items()}
    write_census(pd.DataFrame([blank | row for row in rows]).astype(COLUMNS), root / drift.CENSUS)
    folder = root / drift.CROPS
    folder.mkdir(parents=True)
    labels = np.repeat(np.arange(len(breeds), dtype=np.int32), [count for count, _, _ in breeds.values()])
    colors = np.array([color for _, _, color in breeds.values()])[labels]
    images = (
        colors[:, None, None]
        + CHANCE.normal(0, 10, (len(labels), 1, 1, 3))
        + CHANCE.normal(0, 20, (len(labels), 16, 16, 3))
    )
    for name in ("train", "holdout"):
        np.save(folder / f"{name}-images.npy", images.clip(0, 255).astype(np.uint8))
        np.save(folder / f"{name}-labels.npy", labels)
    (folder / "breeds.json").write_text(str(list(breeds)).replace("'", '"'))
    return root


def words(before: Path, now: Path) -> dict[str, str]:
    """Return what is said of each breed."""
    return {row["breed"]: row["what"] for row in drift.between(before, now)}


BROWN = np.array([120.0, 90, 60])


def test_another_sample_of_the_same_photos_is_the_same(tmp_path: Path) -> None:
    before = project(tmp_path / "a", {PUG: (60, 300, BROWN), BOXER: (40, 200, BROWN)})
    now = project(tmp_path / "b", {PUG: (60, 300, BROWN), BOXER: (40, 205, BROWN)})
    assert words(before, now) == {"Pug": "same", "Boxer": "same"}


def test_breeds_that_come_and_go_are_named(tmp_path: Path) -> None:
    before = project(tmp_path / "a", {PUG: (10, 300, BROWN)})
    now = project(tmp_path / "b", {BOXER: (12, 200, BROWN)})
    assert words(before, now) == {"Pug": "gone", "Boxer": "new"}
    rows = {row["breed"]: (row["photos before"], row["now"]) for row in drift.between(before, now)}
    assert rows == {"Pug": (10, 0), "Boxer": (0, 12)}


def test_counts_sizes_and_colours_are_told_and_what_changed_comes_first(tmp_path: Path) -> None:
    before = project(tmp_path / "a", {PUG: (50, 300, BROWN), BOXER: (50, 300, BROWN)})
    now = project(tmp_path / "b", {PUG: (50, 300, BROWN), BOXER: (49, 200, BROWN + np.array([30.0, 0, 0]))})
    rows = drift.between(before, now)
    assert [(row["breed"], row["what"]) for row in rows] == [
        ("Boxer", "1 fewer photo, smaller photos, other colours"),
        ("Pug", "same"),
    ]
    assert abs(rows[0]["colour change"] - 30) < 6


def test_of_few_photos_a_colour_is_not_called_other_by_chance(tmp_path: Path) -> None:
    for seed in range(20):
        before = project(tmp_path / f"a{seed}", {PUG: (8, 300, BROWN)})
        now = project(tmp_path / f"b{seed}", {PUG: (8, 300, BROWN)})
        assert words(before, now) == {"Pug": "same"}


def test_changed_looks_of_the_photos_are_told_and_an_older_census_lacks_them(tmp_path: Path) -> None:
    before = project(tmp_path / "a", {PUG: (60, 300, BROWN), BOXER: (60, 300, BROWN)})
    now = project(tmp_path / "b", {PUG: (60, 300, BROWN), BOXER: (60, 300, BROWN)})
    for root, blur, share in ((before, 3.0, 0), (now, 2.0, 30)):
        census = pd.read_csv(root / drift.CENSUS, keep_default_na=False)
        census["sharpness"] = 3.0 + CHANCE.normal(0, 0.5, len(census))
        pugs = census.index[census["breed"] == PUG]
        census.loc[pugs, "sharpness"] = blur + CHANCE.normal(0, 0.5, len(pugs))
        census.loc[pugs[:share], "group"] = f"{PUG}/0.jpg"
        census.to_csv(root / drift.CENSUS, index=False)
    assert words(before, now) == {"Pug": "blurred photos, more near-duplicates", "Boxer": "same"}
    census = pd.read_csv(before / drift.CENSUS, keep_default_na=False)
    census.drop(columns=["sharpness", "group"]).to_csv(before / drift.CENSUS, index=False)
    assert words(before, now) == {"Pug": "same", "Boxer": "same"}


def test_of_a_single_photo_no_change_of_looks_is_told(tmp_path: Path) -> None:
    before, now = (project(tmp_path / name, {PUG: (1, 300, BROWN)}) for name in "ab")
    census = pd.read_csv(now / drift.CENSUS, keep_default_na=False).assign(sharpness=9.0, grey=True)
    census.to_csv(now / drift.CENSUS, index=False)
    assert words(before, now) == {"Pug": "same"}
