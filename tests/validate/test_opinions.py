"""A network's opinions: labels that it doubts, photos without dogs, photos alike; and what the stage makes of them."""

import io
import json
import re
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from bounds import FOX, PUG, STRICT, TZU
from conftest import ROOT
from PIL import Image

from pedigree.features import extractors
from pedigree.features.imagenet import CANINES
from pedigree.photos.census import take_census
from pedigree.settings.params import Crop
from pedigree.validate.opinions import FEWEST, LEAST_DOG, Opinions, network_opinions, opinions
from pedigree.validate.stage import validate

PHOTOS = ROOT.parent / "shared" / "data" / "stanford4"
COLOURS = {PUG: (200, 60, 60), FOX: (60, 200, 60), TZU: (60, 60, 200)}
GREY = (128, 128, 128)


class Painter:
    """An extractor and classifier whose features are the pixels of a 4 x 4 picture. It takes grey for no dog."""

    name, image_size, dimension, fingerprint = "painter", 4, 48, "one"

    def features(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        return images.reshape(len(images), 48).astype(np.float32)

    def logits(self, features: np.ndarray) -> np.ndarray:
        colourful = features.reshape(-1, 16, 3).mean(axis=1).std(axis=1) > 20
        logits = np.zeros((len(features), 1000), np.float32)
        logits[np.arange(len(features)), np.where(colourful, 200, 900)] = 20
        return logits


def paint(path: Path, colour: tuple[int, int, int], seed: int, size: tuple[int, int] = (32, 24)) -> None:
    """Write a photo of blocks in shades of a colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shades = np.random.default_rng(seed).integers(-15, 15, (4, 4, 1)) + np.array(colour)
    Image.fromarray(shades.clip(0, 255).astype(np.uint8)).resize(size, Image.Resampling.NEAREST).save(path, "PNG")


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with three breeds of FEWEST photos each, every breed in its colour; return data/raw."""
    monkeypatch.chdir(tmp_path)
    raw = Path("data/raw")
    for index, (breed, colour) in enumerate(COLOURS.items()):
        for number in range(FEWEST):
            paint(raw / "Images" / breed / f"{number:02}.png", colour, 100 * index + number)
    return raw


def complaints(raw: Path, photos: pandas.DataFrame | None = None) -> dict[str, dict[str, str]]:
    """Return the complaints by kind and photo, without empty ones."""
    photos = take_census(raw) if photos is None else photos
    table = opinions(photos, raw, Painter(), Path("cache")).complaints(photos)
    names = photos.loc[table.index, "photo"]
    return {kind: {name: text for name, text in zip(names, table[kind], strict=True) if text} for kind in table}


def test_photos_of_their_own_breeds_raise_no_complaint(raw: Path) -> None:
    assert complaints(raw) == {"suspect": {}, "stranger": {}}


def test_a_photo_in_the_wrong_folder_is_suspect_and_the_right_breed_is_named(raw: Path) -> None:
    paint(raw / "Images" / PUG / "wrong.png", COLOURS[TZU], 1000)
    paint(raw / "Images" / TZU / "other.png", COLOURS[FOX], 1001)
    found = complaints(raw)["suspect"]
    assert set(found) == {f"{PUG}/wrong.png", f"{TZU}/other.png"}
    assert re.fullmatch(r"doubt 0\.\d\d: looks like Shih-Tzu", found[f"{PUG}/wrong.png"])
    assert found[f"{TZU}/other.png"].endswith(": looks like wire-haired_fox_terrier")


def test_a_photo_of_something_else_is_a_stranger(raw: Path) -> None:
    paint(raw / "Images" / PUG / "stone.png", GREY, 1000)
    assert complaints(raw)["stranger"] == {f"{PUG}/stone.png": "dog 0 %: no dog seen"}


def test_photos_that_are_not_usable_get_no_opinion(raw: Path) -> None:
    paint(raw / "Images" / PUG / "stone.png", GREY, 1000)
    (raw / "Images" / PUG / "broken.png").write_bytes(b"")
    photos = take_census(raw)
    photos["usable"] &= photos["photo"] != f"{PUG}/stone.png"
    assert complaints(raw, photos) == {"suspect": {}, "stranger": {}}
    assert complaints(raw, photos.assign(usable=False)) == {"suspect": {}, "stranger": {}}


@pytest.mark.parametrize(("fewer", "suspects"), [(0, 1), (1, 0)])
def test_a_breed_with_too_few_photos_is_neither_judged_nor_learned(raw: Path, fewer: int, suspects: int) -> None:
    (raw / "Images" / PUG / "00.png").unlink()
    paint(raw / "Images" / PUG / "wrong.png", COLOURS[TZU], 1000)
    for number in range(1, 1 + fewer):
        (raw / "Images" / PUG / f"{number:02}.png").unlink()
    assert len(complaints(raw)["suspect"]) == suspects


def test_about_a_single_breed_there_is_no_opinion(raw: Path) -> None:
    for breed in (FOX, TZU):
        (raw / "Images" / breed).rename(raw / breed)
    paint(raw / "Images" / PUG / "wrong.png", COLOURS[TZU], 1000)
    assert complaints(raw)["suspect"] == {}


def test_copies_of_a_photo_do_not_vouch_for_its_wrong_label(raw: Path) -> None:
    names = [f"{PUG}/wrong{number}.png" for number in range(30)]
    for number, name in enumerate(names):
        paint(raw / "Images" / name, COLOURS[TZU], 1000, (32 + number, 24))
    photos = take_census(raw)
    grouped = photos.assign(group=np.where(photos["photo"].isin(names), names[0], ""))
    alone, together = (complaints(raw, census)["suspect"] for census in (photos, grouped))
    assert set(names) <= set(together)
    assert not set(names) & set(alone)


def test_photos_whose_features_are_almost_the_same_are_twins(raw: Path) -> None:
    names = list(take_census(raw)["photo"])
    features = np.random.default_rng(0).normal(size=(60, 48)).astype(np.float32)
    features[25] = 2 * features[7]
    features[20] = features[3] + 0.1 * features[4]
    features[12] = features[3] + 0.6 * features[4]
    seen = Opinions(names, features, np.ones(60))
    assert seen.twins() == [(names[3], names[20]), (names[7], names[25])]


def test_an_extractor_that_is_no_classifier_is_refused(raw: Path) -> None:
    class Blind:
        name, image_size, dimension, fingerprint = "blind", 4, 48, "one"
        features = Painter.features

    with pytest.raises(TypeError, match=r"^Expected an ImageNet classifier\. Received: blind$"):
        opinions(take_census(raw), raw, Blind(), Path("cache"))


# The stage.

ASKED = replace(
    STRICT,
    extractor="efficientnet-lite0",
    photos_per_breed=[10, 30],
    max_near_duplicates_across=1.0,
    max_near_duplicates_within=1.0,
)
EXPECTED = {"labels agree with the network": "suspect", "photos show dogs": "stranger"}


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the painter in place of every network. All photos of a breed are alike to it, so it names no twins."""
    monkeypatch.setattr(Opinions, "twins", lambda self: [])
    monkeypatch.setattr(extractors, "load", lambda name: Painter())


@pytest.mark.usefixtures("painter")
def test_the_stage_warns_of_suspects_and_strangers_and_passes(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paint(raw / "Images" / FOX / "stone.png", GREY, 1000)
    paint(raw / "Images" / PUG / "wrong.png", COLOURS[TZU], 1001)
    bounds = replace(ASKED, max_suspect_labels=0.0, max_strangers=0.0)
    validation = validate(raw, bounds, Crop())
    assert validation.passed
    assert (
        EXPECTED.items() <= {finding.expectation: finding.complaint for finding in validation.failed("warning")}.items()
    )
    table = validation.complaints.set_index("photo")
    assert table.loc[f"{FOX}/stone.png", "stranger"] == "dog 0 %: no dog seen"
    assert table.loc[f"{PUG}/wrong.png", "suspect"].endswith(": looks like Shih-Tzu")
    assert "looks like Shih-Tzu" in capsys.readouterr().err
    report = json.loads(Path("reports/validation.json").read_text())
    assert set(EXPECTED) <= {entry["expectation"] for entry in report["expectations"]}
    assert validate(raw, replace(bounds, max_suspect_labels=0.1, max_strangers=0.1), Crop()).passed


@pytest.mark.usefixtures("painter")
def test_twins_by_features_are_in_one_group_of_the_census(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = (f"{PUG}/02.png", f"{FOX}/05.png")
    monkeypatch.setattr(Opinions, "twins", lambda self: [pair])
    census = validate(raw, ASKED, Crop()).photos.set_index("photo")
    assert census.loc[list(pair), "group"].nunique() == 1
    assert census.loc[pair[0], "group"]


def test_without_an_extractor_nothing_is_asked_and_no_network_is_imported(raw: Path) -> None:
    validation = validate(raw, replace(ASKED, extractor=None), Crop())
    assert not set(EXPECTED) & {finding.expectation for finding in validation.findings}
    assert not validation.complaints[["suspect", "stranger"]].to_numpy().any()
    assert not Path("runs/features").exists()
    code = "import sys, pedigree.validate.stage; sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.skipif(not PHOTOS.exists(), reason="the photos of stanford4 are not here")
def test_the_packaged_network_knows_dogs_and_doubts_swapped_labels(tmp_path: Path) -> None:
    """Forty photos of each of two breeds, with two labels swapped, and a picture of a sky over a field."""
    kept: dict[str, list[bytes]] = {}
    with tarfile.open(PHOTOS / "images.tar") as archive:
        for member in archive:
            breed = Path(member.name).parent.name
            wanted = member.isfile() and ("Chihuahua" in breed or "Maltese" in breed)
            if wanted and len(kept.setdefault(breed, [])) < 40:
                kept[breed].append(archive.extractfile(member).read())
    (one, other) = kept
    kept[one][0], kept[other][0] = kept[other][0], kept[one][0]
    sky = np.zeros((200, 300, 3), np.uint8)
    sky[:120], sky[120:] = (120, 170, 230), (70, 140, 50)
    file = io.BytesIO()
    Image.fromarray(sky).save(file, "PNG")
    for breed, contents in {one: [*kept[one], file.getvalue()], other: kept[other]}.items():
        (tmp_path / "Images" / breed).mkdir(parents=True)
        for number, content in enumerate(contents):
            (tmp_path / "Images" / breed / f"{number:02}").write_bytes(content)
    photos = take_census(tmp_path)
    seen = network_opinions(photos, tmp_path, "efficientnet-lite0", tmp_path / "cache")
    table = seen.complaints(photos).set_index(photos["photo"])
    strangers = set(table.index[table["stranger"] != ""])
    assert f"{one}/40" in strangers and len(strangers) <= 5  # in three whole photos, the dog is small
    assert {f"{one}/00", f"{other}/00"} <= set(table.index[table["suspect"] != ""])
    assert (table["suspect"] != "").sum() <= 4
    assert ((seen.canine >= 0) & (seen.canine <= 1)).all()


def test_what_counts_as_a_dog_holds_every_breed_of_imagenet() -> None:
    assert (CANINES[0], CANINES[-1]) == (151, 280)
    assert 0 < LEAST_DOG < 1
