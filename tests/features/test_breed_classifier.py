"""The classifier of breeds that is trained here: it learns, repeats, and is only trained once per set of crops."""

import numpy as np
import pytest

from pedigree.common.packed_crops import Crops
from pedigree.features import extractors
from pedigree.features.extractors import breed_classifier
from pedigree.features.extractors.breed_classifier import BreedClassifier

BREEDS = ("n99000001-Disc", "n99000002-Stripes", "n99000003-Bar")


def shapes(seed, count):
    """Draw `count` discs, stripes and bars each, of varied place, size and colour on varied ground, 16 px."""
    rng, labels = np.random.default_rng(seed), np.repeat(np.arange(3, dtype=np.int32), count)
    pictures = []
    for label in labels:
        rows, columns = np.mgrid[:16, :16] - rng.integers(6, 10, (2, 1, 1))
        size = rng.integers(3, 6)
        inside = [
            rows**2 + columns**2 < size**2,
            (rows + columns // 2) % size < size // 2,
            (abs(rows) < 2) & (abs(columns) < size + 2),
        ][label]
        picture = np.where(inside[..., None], rng.integers(0, 110, 3), rng.integers(140, 256, 3))
        pictures.append(np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8))
    return np.stack(pictures), labels


@pytest.fixture(scope="module")
def crops():
    return Crops(*shapes(0, 30), *shapes(1, 40), BREEDS)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="module")
def classifier(crops, cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(breed_classifier, "_MOST", 36)
        return BreedClassifier(crops, cache=cache)


@pytest.fixture
def hasty(monkeypatch):
    """Let training end after one pass."""
    monkeypatch.setattr(breed_classifier, "_MOST", 1)


@pytest.fixture
def trained(monkeypatch):
    """Train nothing; return the list of the seeds it would have been trained with."""
    seeds = []
    monkeypatch.setattr(breed_classifier, "_train", lambda features, head, crops, seed: seeds.append(seed))
    return seeds


def test_it_learns_the_breeds_of_crops_it_has_not_seen(classifier, crops):
    breeds = classifier.breeds(classifier.features(crops.holdout_images))
    assert (breeds == crops.holdout_labels).mean() > 0.9


def test_it_looks_through_what_it_was_augmented_with(classifier, crops):
    changed = np.clip(crops.holdout_images[:, :, ::-1].astype(int) - 20, 0, 255).astype(np.uint8)
    breeds = classifier.breeds(classifier.features(changed))
    assert (breeds == crops.holdout_labels).mean() > 0.85


def test_features_do_not_depend_on_the_batch(classifier, crops):
    together = classifier.features(crops.holdout_images[:10], 10)
    assert (together.shape, together.dtype) == ((10, 256), np.float32)
    np.testing.assert_allclose(classifier.features(crops.holdout_images[:10], 3), together, rtol=1e-4, atol=1e-5)


def test_it_knows_the_breeds_of_the_crops_and_not_those_of_imagenet(classifier):
    assert isinstance(classifier, extractors.BreedPredictor)
    assert not isinstance(classifier, extractors.ImageNetClassifier)
    assert not isinstance(extractors.load("efficientnet-lite0"), extractors.BreedPredictor)


def test_it_is_trained_once_for_the_same_crops(classifier, crops, cache, trained):
    again = BreedClassifier(crops, cache=cache)
    assert again.fingerprint == classifier.fingerprint
    np.testing.assert_array_equal(again.features(crops.holdout_images), classifier.features(crops.holdout_images))
    assert trained == []


@pytest.mark.usefixtures("hasty")
def test_a_damaged_file_is_trained_again_to_the_same_bits_and_another_seed_gives_others(crops, tmp_path):
    first = BreedClassifier(crops, cache=tmp_path).fingerprint
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:5000])
    assert BreedClassifier(crops, cache=tmp_path).fingerprint == first
    assert BreedClassifier(crops, seed=1, cache=tmp_path).fingerprint != first
    assert len(list(tmp_path.iterdir())) == 2


def test_other_labels_and_other_pictures_are_learned_anew(crops, tmp_path, trained):
    images, labels, held = crops.train_images, crops.train_labels, shapes(1, 2)
    for sides in ((images, labels), (images, labels[::-1].copy()), (images[::-1].copy(), labels), (images, labels)):
        BreedClassifier(Crops(*sides, *held, BREEDS), cache=tmp_path)
    assert trained == [0, 0, 0]


def halves(count=400, size=32):
    """Pictures that are dark on the left and bright on the right."""
    images = np.full((count, size, size, 3), 60, np.uint8)
    images[:, :, size // 2 :] = 190
    return images


def test_augmentation_mirrors_half_of_the_pictures_and_moves_them_a_tenth_at_most():
    images = halves()
    changed = breed_classifier.augmented(images, 32, np.random.default_rng(0))
    assert (changed.shape, changed.dtype) == (images.shape, np.float32)
    np.testing.assert_array_equal(images, halves())
    rows = changed.mean(axis=(1, 3))
    mirrored = rows[:, 0] > rows[:, -1]
    assert 0.4 < mirrored.mean() < 0.6
    edge = np.abs(np.diff(rows, axis=1)).argmax(axis=1) + 1
    assert edge.min() >= 16 - 4
    assert edge.max() <= 16 + 4
    assert len(np.unique(edge)) > 4


def test_augmentation_changes_brightness_and_grain_and_blurs_some():
    grey = np.full((200, 16, 16, 3), 128, np.uint8)
    changed = breed_classifier.augmented(grey, 16, np.random.default_rng(1))
    means = changed.mean(axis=(1, 2, 3))
    assert np.abs(means - 128).max() < 30
    assert means.std() > 10
    grain = changed.std(axis=(1, 2, 3))
    assert grain.min() < 3
    assert 20 < grain.max() < 30
    edges = breed_classifier.augmented(halves(size=64), 64, np.random.default_rng(2)).mean(axis=(1, 3))
    steps = np.abs(np.diff(edges, axis=1)).max(axis=1)
    assert 0.15 < (steps < 80).mean() < 0.5  # of an edge of 130 grey levels, a blurred one has no such step


def test_augmentation_is_the_same_for_the_same_chance_and_reduces_large_pictures():
    images = halves(20, 96)
    one, other = (breed_classifier.augmented(images, 64, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert one.shape == (20, 64, 64, 3)


def test_large_crops_are_reduced(crops, tmp_path, trained):
    large = Crops(crops.train_images.repeat(5, 1).repeat(5, 2), crops.train_labels, *shapes(1, 2), BREEDS)
    classifier = BreedClassifier(large, cache=tmp_path)
    assert classifier.image_size == 64
    assert classifier.features(large.train_images[:2]).shape == (2, 256)
    assert trained == [0]
