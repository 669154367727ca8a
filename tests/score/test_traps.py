"""Traps: generators with one fault each, made of real crops of the sample, must be caught, and an honest one must not.

Judged by the default extractor. Half of each breed's photos are the training crops, a quarter is held out, and a
quarter is what the honest generator draws: real photos it has never seen.
"""

import math

import numpy as np
import pytest
from conftest import ROOT

from pedigree.common.measures import MEASURES
from pedigree.crop.threads import crop_photos
from pedigree.features import extractors
from pedigree.metrics.estimate import standard_error
from pedigree.photos.census import take_census
from pedigree.photos.plans import plan_crops
from pedigree.score import damage
from pedigree.score.evaluation import evaluate
from pedigree.score.sample import Sample
from pedigree.settings import params
from pedigree.unpack.stage import unpack

SAMPLE = ROOT / "data" / "sample"
BREEDS, PHOTOS, SIZE = 5, 96, 32  # as many breeds, photos of each and pixels
BOXES = params.Crop(
    size=SIZE, frames="boxes", padding=0.1, min_box=24, max_aspect=4.0, holdout=0.2, seed=0, scheduler=None
)
ODD, EVEN, PHOTO = 1, 3, 20  # two breeds and a training photo
AS_REAL = {
    "frechet_distance_at_floor_size": "frechet_distance_floor",
    "kernel_distance": "kernel_distance_floor",
    "precision": "precision_holdout",
    "recall_at_floor_size": "recall_holdout",
    "density": "density_holdout",
    "coverage_at_floor_size": "coverage_holdout",
    "breed_accuracy": "breed_accuracy_holdout",
    "near_duplicates": "near_duplicates_holdout",
}


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Return the first box of the first photos of each breed, `(breeds, photos, size, size, 3)`, and the names."""
    root = tmp_path_factory.mktemp("sample")
    unpack(SAMPLE / "images.tar", SAMPLE / "annotation.tar", params.load(params.Unpack, ROOT / "params.yaml"), root)
    plans, _ = plan_crops(take_census(root), BOXES)
    breeds = sorted({plan.breed for plan in plans})[:BREEDS]
    chosen = [plan for breed in breeds for plan in [plan for plan in plans if plan.breed == breed][:PHOTOS]]
    images = np.stack([squares[0] for squares in crop_photos(root / "Images", chosen, SIZE, workers=2)])
    return images.reshape(BREEDS, PHOTOS, SIZE, SIZE, 3), tuple(breeds)


class Traps:
    """What each faulty generator draws, and what `evaluate` says of it."""

    def __init__(self, images, breeds, extractor):
        self.extractor, self.breeds = extractor, breeds
        self.train = self.sample(images[:, 0::2])
        self.holdout = self.sample(images[:, 1::4])
        self.honest = self.sample(images[:, 3::4])

    def sample(self, images):
        """Take `(breeds, n, size, size, 3)` crops for drawn as the breed they show."""
        flat = np.ascontiguousarray(images.reshape(-1, SIZE, SIZE, 3))
        labels = np.repeat(np.arange(BREEDS, dtype=np.int32), images.shape[1])
        return Sample(flat, self.extractor.features(flat), labels, None)

    def evaluate(self, generated):
        return evaluate(self.train, self.holdout, generated, self.breeds)


def placed(sample, places, labels):
    """Draw the pictures at `places` when asked for `labels`."""
    return Sample(sample.images[places], sample.features[places], labels, None)


@pytest.fixture(scope="module")
def traps(crops):
    return Traps(*crops, extractors.load("efficientnet-lite0"))


@pytest.fixture(scope="module")
def honest(traps):
    return traps.evaluate(traps.honest)


@pytest.fixture(scope="module")
def blurred(traps):
    images = damage.blurred(traps.honest.images, 1.0)
    return traps.evaluate(traps.sample(images.reshape(BREEDS, -1, SIZE, SIZE, 3)))


@pytest.fixture(scope="module")
def one_training_photo(traps):
    labels = traps.honest.labels
    return traps.evaluate(placed(traps.train, np.full(len(labels), PHOTO), labels))


@pytest.fixture(scope="module")
def one_picture_a_breed(traps):
    labels = traps.honest.labels
    return traps.evaluate(placed(traps.honest, np.searchsorted(labels, labels), labels))


@pytest.fixture(scope="module")
def copies(traps):
    """Draw every other training crop."""
    labels = traps.honest.labels
    return traps.evaluate(placed(traps.train, np.arange(len(traps.train.labels))[::2], labels))


def clearly(number, than):
    """Return by how many standard errors of the difference `number` is above `than`."""
    error = math.hypot(standard_error(number) or 0.0, standard_error(than) or 0.0)
    return (number - than) / error


def test_an_honest_generator_is_found_to_be_as_good_as_real_photos(honest):
    numbers = honest.numbers
    assert numbers["memorization_verdict"] == "fine"
    assert numbers["collapsed_breeds"] == 0
    assert not honest.table["collapsed"].any()
    for name, floor in AS_REAL.items():
        assert abs(clearly(numbers[name], numbers[floor])) < 3, name


def test_one_training_photo_again_and_again_is_memorised_and_collapsed(one_training_photo, traps):
    numbers = one_training_photo.numbers
    assert numbers["memorization_verdict"] == "copies"
    assert numbers["memorization_suspects"] == 1
    assert numbers["memorization_distance"] == pytest.approx(0, abs=1e-6)
    assert numbers["memorization_informed_frechet_distance"] > 100 * numbers["frechet_distance"]
    assert set(one_training_photo.nearest) == {PHOTO}
    assert one_training_photo.table["collapsed"].all()
    assert numbers["collapsed_breeds"] == BREEDS


def test_one_picture_a_breed_is_collapse_named_breed_by_breed(one_picture_a_breed, honest):
    numbers, real = one_picture_a_breed.numbers, honest.numbers
    assert one_picture_a_breed.table["collapsed"].tolist() == [True] * BREEDS
    assert numbers["intra_breed_diversity"] == pytest.approx(0, abs=1e-4)
    assert numbers["ms_ssim"] == pytest.approx(1, abs=1e-4)
    assert numbers["near_duplicates"] == 1
    for name in ("recall", "coverage"):
        assert numbers[name] < 0.2 * real[name], name
    assert numbers["memorization_verdict"] == "fine"  # the pictures are no training photos


def test_the_one_breed_that_collapses_is_the_one_named(traps):
    places = np.arange(len(traps.honest))
    places[traps.honest.labels == ODD] = places[traps.honest.labels == ODD][0]
    table = traps.evaluate(placed(traps.honest, places, traps.honest.labels)).table
    assert np.flatnonzero(table["collapsed"]).tolist() == [ODD]


def test_ignoring_the_breed_asked_for_is_seen_by_breed_accuracy_alone(traps, honest):
    labels = np.random.default_rng(0).permutation(traps.honest.labels)
    numbers = traps.evaluate(placed(traps.honest, np.arange(len(labels)), labels)).numbers
    assert abs(clearly(numbers["breed_accuracy"], numbers["breed_accuracy_chance"])) < 3
    for name in ("frechet_distance", "precision", "recall"):
        assert numbers[name] == pytest.approx(honest.numbers[name], rel=1e-6), name


def test_blur_lowers_precision_and_raises_the_distances(blurred, honest):
    numbers, real = blurred.numbers, honest.numbers
    assert clearly(real["precision"], numbers["precision"]) > 3
    for name in ("frechet_distance", "kernel_distance"):
        assert clearly(numbers[name], real[name]) > 3, name
    assert numbers["memorization_verdict"] == "fine"


def test_copying_the_training_photos_is_seen_by_the_verdict_alone(copies, honest):
    numbers, real = copies.numbers, honest.numbers
    for name, floor in AS_REAL.items():  # no worse than real photos, or better
        sign = 1 if MEASURES[name].better == "higher" else -1
        assert sign * clearly(numbers[name], numbers[floor]) > -3, name
    assert numbers["frechet_distance"] < real["frechet_distance"]
    assert numbers["precision"] == 1
    assert numbers["collapsed_breeds"] == 0
    assert numbers["memorization_verdict"] == "copies"
    assert (copies.nearness < copies.suspicious).all()


def test_mirrored_training_photos_are_still_copies(traps):
    mirrored = np.ascontiguousarray(traps.train.images[::2, :, ::-1])
    evaluation = traps.evaluate(traps.sample(mirrored.reshape(BREEDS, -1, SIZE, SIZE, 3)))
    assert evaluation.numbers["memorization_verdict"] == "copies"
    assert np.mean(evaluation.nearest == np.arange(len(traps.train))[::2]) > 0.9  # each next to what it was made of


def test_swapped_breeds_are_the_two_that_the_confusion_shows(traps, honest):
    labels = traps.honest.labels.copy()
    labels[traps.honest.labels == ODD], labels[traps.honest.labels == EVEN] = EVEN, ODD
    evaluation = traps.evaluate(placed(traps.honest, np.arange(len(labels)), labels))
    swapped = np.arange(BREEDS)
    swapped[[ODD, EVEN]] = EVEN, ODD
    np.testing.assert_array_equal(evaluation.confusion.argmax(axis=1), swapped)
    np.testing.assert_allclose(evaluation.confusion, honest.confusion[swapped], atol=1e-12)
    wrong = evaluation.table.loc[[ODD, EVEN], "mistaken_for"]
    assert wrong.tolist() == [traps.breeds[EVEN], traps.breeds[ODD]]
