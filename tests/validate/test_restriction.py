"""The parameter `validate.only`: the stages see only the breeds that it names."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bounds import EACH, STRICT
from PIL import Image

from pedigree.common.packed_crops import load_crops
from pedigree.crop.stage import crop
from pedigree.errors import PedigreeError, UsageError
from pedigree.photos.census import read_census
from pedigree.settings.params import Crop
from pedigree.validate.restriction import chosen_folders, reasons_outside
from pedigree.validate.stage import validate

BOXER, PUG, SPANIEL = "n02108089-boxer", "n02110958-pug", "n02101388-Épagneul breton"
CROP = Crop(size=16)
TWO = replace(STRICT, breeds=2, min_annotated=0.0, only=["ÉPAGNEUL_BRETON", PUG])


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with three breeds in data/raw the working folder; return data/raw. No boxer can be decoded."""
    monkeypatch.chdir(tmp_path)
    for index, breed in enumerate((BOXER, PUG, SPANIEL)):
        folder = Path("data/raw/Images") / breed
        folder.mkdir(parents=True)
        for number in range(EACH):
            noise = np.random.default_rng(100 * index + number).integers(0, 256, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / f"{number:02}.jpg")
            if breed == BOXER:
                (folder / f"{number:02}.jpg").write_bytes(b"broken")
    return Path("data/raw")


def test_all_stages_see_only_the_breeds_that_are_named(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (raw / "Images" / "Thumbs.db").write_bytes(b"stray")
    validation = validate(raw, TWO, CROP)
    assert validation.passed and list(validation.breeds["breed"]) == [SPANIEL, PUG]
    assert set(read_census(Path("data/census.csv"))["breed"]) == {SPANIEL, PUG}
    report = json.loads(Path("reports/validation.json").read_text())
    assert (report["photos"], report["breeds"], report["set_aside"]) == (2 * EACH, 2, {})
    assert "20 photos of 2 breeds: 20 usable, with 0 boxes.\nvalidate.only leaves out 1 other breed.\n" in (
        capsys.readouterr().out
    )
    crop(raw, Path("data/census.csv"), Path("data/verdict.json"), CROP)
    assert list(load_crops(Path("data/crops")).breeds) == [SPANIEL, PUG]


def test_without_names_every_breed_is_used(raw: Path) -> None:
    assert chosen_folders(raw, []) == ([SPANIEL, BOXER, PUG], [])
    with pytest.raises(PedigreeError, match="photos decode"):
        validate(raw, replace(TWO, breeds=3, only=[]), CROP)


@pytest.mark.parametrize(
    ("only", "chosen"),
    [
        (["pug"], [PUG]),
        (["PUG", PUG, "Boxer"], [BOXER, PUG]),
        (["épagneul-breton"], [SPANIEL]),
        ([unicodedata.normalize("NFD", SPANIEL)], [SPANIEL]),
    ],
)
def test_breeds_are_named_by_folder_or_display_name_in_any_form(
    raw: Path, only: Sequence[str], chosen: list[str]
) -> None:
    assert chosen_folders(raw, only) == (chosen, [each for each in (SPANIEL, BOXER, PUG) if each not in chosen])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("bokser", f"nearest: boxer; {Path('data/raw/Images')} has all 3"),
        ("zzzz", f"{Path('data/raw/Images')} has all 3"),
    ],
)
def test_a_name_that_is_no_breeds_is_an_error_that_helps(raw: Path, name: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        validate(raw, replace(TWO, only=["pug", name]), CROP)
    assert str(raised.value) == f"validate.only: There is no breed {name!r}; {hint}."
    assert not Path("data/census.csv").exists()


def test_photos_set_aside_in_other_breeds_are_ignored_and_unknown_ones_are_not(raw: Path) -> None:
    reasons = {f"{BOXER}/01.jpg": "drawn", f"{unicodedata.normalize('NFD', SPANIEL)}/02.jpg": "a cat"}
    bounds = replace(TWO, set_aside=reasons, min_decodable=0.9)
    assert validate(raw, bounds, CROP).set_aside == {f"{SPANIEL}/02.jpg": "set aside: a cat"}
    assert reasons_outside(reasons, [SPANIEL]) == {f"{BOXER}/01.jpg": "drawn"}
    with pytest.raises(PedigreeError, match=r"there is no photo 'n0-cat/1\.jpg'"):
        validate(raw, replace(bounds, set_aside=reasons | {"n0-cat/1.jpg": "a cat"}), CROP)
