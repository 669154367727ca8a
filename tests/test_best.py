"""Best of N: the most typical pictures are kept, suspected copies never, and the sheet says what was done."""

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from pedigree.best import JUDGE, BreedFeatures, choose, draw_best, suspected_copies, typicality
from pedigree.cli import main
from pedigree.errors import PedigreeError, UsageError
from pedigree.features import extractors
from pedigree.features.imagenet import CANINES, class_index
from pedigree.generator.model import Generator, save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

PUG = "n02110958-pug"
REAL, DRAWN = ("n02085620-Chihuahua", PUG), ("n90000001-Red", "n90000002-Blue")
NONE = np.empty((0, 4), np.float32)


@pytest.fixture(scope="module")
def judge() -> extractors.Extractor:
    return extractors.load(JUDGE)


@pytest.fixture(autouse=True)
def _loaded_once(judge: extractors.Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pedigree.best.load_judge", lambda: judge)


class Classifier:
    """A judge whose features are the logits of four classes: pug, Chihuahua, the last canine and a teapot."""

    CLASSES = (class_index(PUG), 151, CANINES[-1], 849)

    def logits(self, features: np.ndarray) -> np.ndarray:
        logits = np.full((len(features), 1000), -np.inf, np.float32)
        logits[:, self.CLASSES] = features
        return logits


class Pixels(Classifier):
    """A judge whose features are the pixels."""

    name, image_size, dimension, fingerprint = "pixels", 16, 768, ""

    def features(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        return images.reshape(len(images), -1) - np.float32(127.5)


def generator(breeds: tuple[str, ...]) -> Generator:
    keras.utils.set_random_seed(0)
    shape = Shape(16, 3, 6, len(breeds), 4)
    return Generator(ARCHITECTURES["projection-dcgan"].build_generator(shape, LayerFactory(keras_only=True)), breeds)


def by_mean(holdout: np.ndarray) -> BreedFeatures:
    """A breed without an ImageNet class whose training crops are at 1 on the four axes; their mean is 0.25, 0.25, …"""
    return BreedFeatures("n90000001-Red", np.eye(4, dtype=np.float32), np.asarray(holdout, np.float32))


def test_a_breed_of_imagenet_is_judged_by_its_probability_among_dogs_whatever_else_the_picture_shows() -> None:
    features = np.array([[2, 0, 0, 9], [2, 0, 0, -9], [2, 5, 0, 0], [-1, -9, -9, 0]], np.float32)
    logarithms = typicality(Classifier(), BreedFeatures(PUG, NONE, NONE), features)
    odds = np.exp([[2, 0, 0], [2, 0, 0], [2, 5, 0], [-1, -9, -9]])
    np.testing.assert_allclose(np.exp(logarithms), odds[:, 0] / odds.sum(axis=1), rtol=1e-6)


def test_another_breed_is_judged_by_the_distance_to_the_mean_of_its_training_crops() -> None:
    features = np.array([[1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.3, 0.2, 0.25, 0.25]], np.float32)
    distances = -typicality(Classifier(), by_mean(NONE), features)
    np.testing.assert_allclose(distances, [np.sqrt(0.75), 0, np.sqrt(0.005)], atol=1e-6)


def test_pictures_nearer_to_a_training_crop_than_held_out_crops_are_never_kept() -> None:
    breed = by_mean(np.array([[2, 1, 0, 0], [1, 1, 0, 0]]))  # the nearer one is at a cosine of 2 / √5
    near, far = [[5, 1, 0, 0], [0, 0, 0, 3]], [[1, 1, 1, 1], [3, 2, 0, 0]]
    features = np.array(near + far, np.float32)
    np.testing.assert_array_equal(suspected_copies(breed, features), [True, True, False, False])
    chosen, copies = choose(Classifier(), breed, features, 2)
    assert (sorted(chosen), copies) == ([2, 3], 2)
    assert chosen[0] == 2, "nearer to the mean"
    with pytest.raises(PedigreeError, match="2 of 4 pictures of Red are suspected copies"):
        choose(Classifier(), breed, features, 3)


@pytest.mark.parametrize("breed", [by_mean(NONE), BreedFeatures(PUG, NONE, NONE)])
def test_without_held_out_or_training_crops_no_picture_is_suspected(breed: BreedFeatures) -> None:
    assert not breed.checked
    assert not suspected_copies(breed, np.eye(4, dtype=np.float32)).any()


def test_the_kept_pictures_are_the_most_typical_of_those_drawn_with_the_seed(
    judge: extractors.Extractor, tmp_path: Path
) -> None:
    drawer = generator(REAL)
    drawn = draw_best(drawer, [PUG], 2, 3, None, candidates=4, crops=tmp_path / "none")
    everything = drawer.draw(np.full(8, 1, np.int32), 3)
    order = np.argsort(-typicality(judge, BreedFeatures(PUG, NONE, NONE), judge.features(everything)))
    np.testing.assert_array_equal(drawn.images, everything[order[:2]][None])
    assert drawn.note.startswith("best 2 of 8 by efficientnet-lite2 (the breed's probability); copies not checked")
    assert str(tmp_path / "none") in drawn.note


def test_copies_are_checked_against_the_crops_of_the_generators_breeds_and_size(
    crops_folder: Path, tmp_path: Path
) -> None:
    options = {"candidates": 2, "crops": crops_folder, "cache": tmp_path / "features"}
    checked = draw_best(generator(DRAWN), DRAWN, 2, 0, None, **options)
    assert checked.images.shape == (2, 2, 16, 16, 3)
    assert "the distance to the mean training crop); 0 suspected copies left out" in checked.note
    assert "not checked: data" not in checked.note
    other = draw_best(generator(REAL), [PUG], 1, 0, None, **options)
    assert "copies not checked" in other.note
    assert "other breeds" in other.note
    (crops_folder / "breeds.json").write_text("damaged")
    with pytest.raises(PedigreeError, match="not JSON"):
        draw_best(generator(DRAWN), DRAWN, 2, 0, None, **options)


def test_a_drawn_training_crop_is_left_out_and_counted(
    crops_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pedigree.best.load_judge", Pixels)
    drawer = generator(DRAWN)
    pictures = drawer.draw(np.zeros(6, np.int32), 5)
    for side, crops in (("train", pictures[1:]), ("holdout", pictures[1:3] // 4 * 4)):
        images, labels = np.load(crops_folder / f"{side}-images.npy"), np.load(crops_folder / f"{side}-labels.npy")
        images[np.flatnonzero(labels == 0)[: len(crops)]] = crops
        np.save(crops_folder / f"{side}-images.npy", images)
    drawn = draw_best(drawer, DRAWN[:1], 1, 5, None, candidates=6, crops=crops_folder, cache=tmp_path / "features")
    assert "; 5 suspected copies left out" in drawn.note
    np.testing.assert_array_equal(drawn.images[0, 0], pictures[0])


def test_what_cannot_be_judged_is_one_line_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pedigree.generator.model.Generator.batches", None)
    with pytest.raises(PedigreeError, match=r"cannot judge Red.*is not here.*dvc repro crop"):
        draw_best(generator(DRAWN), DRAWN, 2, 0, None, candidates=2, crops=tmp_path / "none")
    with pytest.raises(UsageError, match=r"at most 20000\. Received: 100 × 201 = 20100"):
        draw_best(generator(REAL), [PUG], 100, 0, None, candidates=201, crops=tmp_path / "none")


def test_the_sheet_the_png_and_the_summary_say_how_the_pictures_were_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_generator(generator(REAL).network, REAL, tmp_path / "dogs.keras")
    arguments = ["generate", "--breed", "pug", "--count", "2", "--model", "dogs.keras", "--out"]
    assert main([*arguments, "best.png", "--best", "2"]) == main([*arguments, "first.png"]) == 0
    best, first = capsys.readouterr().out.splitlines()
    note = "best 2 of 4 by efficientnet-lite2 (the breed's probability); copies not checked: data/crops is not here"
    assert best == f"2 pictures of pug ({note}): best.png"
    assert first == "2 pictures of pug: first.png"
    with Image.open("best.png") as chosen, Image.open("first.png") as plain:
        assert chosen.text["Description"] == note
        assert "Description" not in plain.text
        assert chosen.width > plain.width, "a longer title"


@pytest.mark.parametrize(("number", "breeds"), [(2, "B0, B1"), (11, "11 breeds")])
def test_the_summary_names_breeds_or_counts_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, breeds: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = tuple(f"n9000000{index % 10}-B{index}" for index in range(number))
    save_generator(generator(folders).network, folders, tmp_path / "dogs.keras")
    assert main(["generate", "--breed", "all", "--count", "1", "--model", "dogs.keras"]) == 0
    assert capsys.readouterr().out == f"1 picture each of {breeds}: dogs.png\n"
