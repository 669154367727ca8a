"""A small generator of eight breeds, held-out crops of the same breeds, and a test made of them."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from pedigree.blind.questions import PHOTOS, Questions, compose
from pedigree.common.packed_crops import Crops, load_crops
from pedigree.generator.model import Generator, load_generator, save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

HOSTILE = "n90000001-</script><b>&\"'{{ 7*7 }}"
LONG = f"n90000002-{'Long' * 20}"
BREEDS = (HOSTILE, LONG, *(f"n9000000{number}-Breed_{name}" for number, name in enumerate("CDEFGH", start=3)))
HELD = 6  # held-out crops of each breed


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_model(tmp_path_factory.mktemp("model") / "generator.keras", seed=0)


def saved_model(path: Path, seed: int, size: int = 16) -> Path:
    keras.utils.set_random_seed(seed)
    build = ARCHITECTURES["projection-dcgan"].build_generator
    save_generator(build(Shape(size, 3, 6, len(BREEDS), 4), LayerFactory(keras_only=True)), BREEDS, path)
    return path


@pytest.fixture(scope="session")
def crops_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Crops of the generator's breeds, which all differ, and of one more breed, in another order of labels."""
    folder, chance = tmp_path_factory.mktemp("crops"), np.random.default_rng(0)
    names = ("n80000000-Unknown", *BREEDS[::-1])
    for side, each in (("train", 2), ("holdout", HELD)):
        labels = np.tile(np.arange(len(names), dtype=np.int32), each)
        np.save(folder / f"{side}-images.npy", chance.integers(0, 256, (len(labels), 16, 16, 3), dtype=np.uint8))
        np.save(folder / f"{side}-labels.npy", labels)
    (folder / "breeds.json").write_text(json.dumps(names))
    return folder


@pytest.fixture(scope="session")
def crops(crops_path: Path) -> Crops:
    return load_crops(crops_path)


@pytest.fixture(scope="session")
def generator(model: Path) -> Generator:
    return load_generator(model)


@pytest.fixture(scope="session")
def questions(generator: Generator, crops: Crops) -> Questions:
    """Twenty pictures and nine photos."""
    return compose({"one.keras": generator}, crops, BREEDS, 20, 9, seed=3, random=np.random.default_rng(3))


def of_photos(questions: Questions) -> np.ndarray:
    return np.array(questions.sources) == PHOTOS
