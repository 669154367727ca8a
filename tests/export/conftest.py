"""A small generator of two breeds, in a file."""

from pathlib import Path

import keras
import pytest

from pedigree.generator.model import save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BREEDS = ("n90000001-Red", "n90000002-Blue")


def write_generator(
    path: Path, architecture: str = "projection-dcgan", latent: str = "normal", channels: int = 4
) -> Path:
    """Write a generator of random weights: 16 px, latents of 6 numbers."""
    keras.utils.set_random_seed(0)
    shape = Shape(16, 3, 6, len(BREEDS), channels)
    network = ARCHITECTURES[architecture].build_generator(shape, LayerFactory(keras_only=True))
    save_generator(network, BREEDS, path, latent)
    return path


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_generator(tmp_path_factory.mktemp("model") / "generator.keras")
