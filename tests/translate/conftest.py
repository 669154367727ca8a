"""A small pair of breeds, and the settings of a training that takes seconds."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pedigree.common.packed_crops import Crops, load_crops
from pedigree.settings.translate import Translate
from pedigree.translate.pair import pair_of


@pytest.fixture
def settings() -> Translate:
    """A training of 16 px for six steps."""
    return Translate(
        breeds=["Red", "Blue"],
        steps=6,
        batch_size=2,
        channels=2,
        pool_size=4,
        ema_half_life=10,
        precision="float32",
        log_every=2,
        sample_every=3,
        checkpoint_every=2,
    )


@pytest.fixture
def pair(crops_folder: Path) -> Crops:
    """Six training crops and two held-out crops of each of two breeds."""
    return pair_of(load_crops(crops_folder), ["Red", "Blue"])


class Pixels:
    """An extractor whose features are the mean colours of an image's quarters."""

    name, image_size, dimension, fingerprint = "pixels", 16, 12, "one"

    def features(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        """Return `(n, 12)`."""
        quarters = images.reshape(len(images), 2, 8, 2, 8, 3).mean((2, 4))
        return (quarters.reshape(len(images), -1) / 32).astype(np.float32)


@pytest.fixture
def quick_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge by pixels in place of networks."""
    monkeypatch.setattr("pedigree.features.extractors.load", lambda name, weights: Pixels())
    monkeypatch.setattr("pedigree.translate.evaluation.early_maps", Pixels().features)


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Run the steps of a test eagerly, which takes less time than compiling them."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
