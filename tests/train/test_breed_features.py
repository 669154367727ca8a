"""What a pretrained network knows of each breed."""

from pathlib import Path

import numpy as np
import pytest

from pedigree.common.packed_crops import Crops
from pedigree.train.breed_features import CROPS, breed_features, principal_components

CHANCE = np.random.default_rng(0)


class Brightness:
    """An extractor whose features are the mean of each colour."""

    name, dimension, image_size, fingerprint = "brightness", 3, 8, "brightness"

    def __init__(self) -> None:
        self.seen = 0

    def features(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        self.seen += len(images)
        return images.mean(axis=(1, 2)).astype(np.float32)


def crops_of(counts: list[int], colors: list[tuple[int, int, int]]) -> Crops:
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    images = np.asarray(colors, np.uint8)[labels][:, None, None].repeat(8, 1).repeat(8, 2)
    order = CHANCE.permutation(len(labels))
    names = tuple(f"n0000000{index}-breed_{index}" for index in range(len(counts)))
    return Crops(images[order], labels[order], images[:1], labels[:1], names)


def test_breeds_that_look_alike_have_near_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    crops = crops_of([7, 9, 8], [(200, 100, 20), (190, 100, 20), (10, 10, 240)])
    first, second, third = breed_features(crops, Brightness())
    assert np.linalg.norm(first - second) < 0.1 * np.linalg.norm(first - third)


def test_only_some_crops_of_a_breed_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    extractor = Brightness()
    breed_features(crops_of([CROPS + 30, 5], [(9, 9, 9), (200, 9, 9)]), extractor)
    assert extractor.seen == CROPS + 5


def test_principal_components_keep_distances_up_to_one_scale() -> None:
    means = CHANCE.standard_normal((6, 40)).astype(np.float32)
    components = principal_components(means)
    assert components.shape == (6, 5)
    np.testing.assert_allclose(components.mean(axis=0), 0, atol=1e-5)
    assert np.mean(components**2) == pytest.approx(1, rel=1e-5)
    distances, kept = (np.linalg.norm(each[:, None] - each, axis=-1) for each in (means, components))
    ratio = kept[distances > 0] / distances[distances > 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_one_breed_has_one_component_of_zero() -> None:
    np.testing.assert_array_equal(principal_components(np.ones((1, 4), np.float32)), [[0.0]])
