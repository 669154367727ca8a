"""Class activation maps: the centre of a map with a known answer, and heads of real dogs."""

import io
import tarfile

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from pedigree.crop.class_activation import DogActivation, activation_centres

STANFORD = ROOT.parent / "shared" / "data" / "stanford4"
PUG, CAR = 254, 817  # classes of ImageNet
DOG, WHEEL, TEXTURE = range(3)  # channels


def centres(maps: np.ndarray) -> np.ndarray:
    """Return the centres for a classifier of three channels: for pugs, for cars, and for everything."""
    matrix = np.zeros((3, 1000), np.float32)
    matrix[DOG, PUG], matrix[WHEEL, CAR], matrix[TEXTURE] = 100, 100, 7
    return activation_centres(maps.astype(np.float32), matrix, np.zeros(1000, np.float32))


def test_the_centre_is_where_the_channels_of_dogs_are_active() -> None:
    maps = np.zeros((3, 4, 5, 3))
    maps[0, 1, 3, DOG] = 9
    maps[1, 0, 0:3:2, DOG] = 9
    maps[2, 3, :, DOG] = 9
    np.testing.assert_allclose(centres(maps)[:, :2], [[0.7, 0.375], [0.3, 0.125], [0.5, 0.875]], atol=1e-6)


def test_channels_of_other_things_and_of_everything_do_not_move_the_centre() -> None:
    maps = np.zeros((1, 4, 5, 3))
    maps[0, 1, 3, DOG] = 9
    maps[0, 3, 0, TEXTURE], maps[0, 2, 0, WHEEL] = 90, 1
    np.testing.assert_allclose(centres(maps)[0, :2], [0.7, 0.375], atol=1e-6)


def test_weak_places_do_not_count_and_strong_ones_count_by_their_square() -> None:
    maps = np.zeros((2, 1, 5, 3))
    maps[0, 0, :, DOG] = [1.9, 0, 0, 0, 10]  # under a fifth of the maximum
    maps[1, 0, :, DOG] = [6, 0, 0, 0, 10]  # (6 - 2)^2 : (10 - 2)^2 = 1 : 4
    np.testing.assert_allclose(centres(maps)[:, 0], [0.9, (0.1 + 4 * 0.9) / 5], atol=1e-6)


def test_the_probability_is_that_of_dogs_and_0_where_the_map_is_positive_nowhere() -> None:
    maps = np.zeros((3, 2, 2, 3))
    maps[0, 0, 0, DOG] = maps[1, 0, 0, WHEEL] = 9
    found = centres(maps)
    assert found[0, 2] == pytest.approx(1)
    assert found[1, 2] < 1e-6
    assert found[2].tolist() == [0.5, 0.5, 0]


@pytest.fixture(scope="module")
def finder() -> DogActivation:
    return DogActivation()


def test_the_centre_follows_the_dog_and_a_mirrored_picture_has_the_mirrored_centre(finder: DogActivation) -> None:
    if not STANFORD.exists():
        pytest.skip("needs the photos of shared/data")
    with tarfile.open(STANFORD / "images.tar") as tar:
        files = [member for member in tar if member.isfile()][::60]
        photos = [Image.open(io.BytesIO(tar.extractfile(file).read())).convert("RGB") for file in files]
    pictures = np.stack([np.asarray(photo.resize((112, 112))) for photo in photos])
    right = np.zeros((len(photos), 224, 224, 3), np.uint8)
    right[:, 112:, 112:] = pictures
    found, mirrored = finder.features(right), finder.features(right[:, :, ::-1].copy())
    assert (found[:, :2] > 0.5).all()
    np.testing.assert_allclose(mirrored[:, 0], 1 - found[:, 0], atol=0.08)
    np.testing.assert_allclose(mirrored[:, 1], found[:, 1], atol=0.08)
    assert np.median(found[:, 2]) > 0.5  # on mostly black pictures


def test_noise_shows_no_dog(finder: DogActivation) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), np.uint8)
    assert (finder.features(noise)[:, 2] < 0.05).all()


def test_the_place_does_not_depend_on_the_other_pictures(finder: DogActivation) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), np.uint8)
    np.testing.assert_allclose(finder.features(pictures, 3), finder.features(pictures, 1), atol=1e-4)
