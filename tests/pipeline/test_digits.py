"""Real grey digits, 28 px, in ten folders: all stages on pictures that show no dogs and have no boxes."""

import contextlib
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from digits import write_archive
from PIL import Image

from pedigree import cli
from pedigree.common.packed_crops import load_crops
from pedigree.generator.model import Generator, load_generator
from pedigree.networks import dcgan
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape
from pedigree.settings import recipes
from pedigree.settings.overrides import override

STAGES = ("unpack", "validate", "crop", "train", "score")
EACH = 15
SETTINGS = {
    "data.images": "digits.tar",
    "data.annotations": "data/none.zip",
    "validate.breed_pattern": "^digit[0-9]$",
    "validate.breeds": 10,
    "validate.photos_per_breed": [10, 500],
    "crop.size": 28,
    "crop.frames": "whole",
    "train.steps": 60,
    "train.batch_size": 32,
    "train.generator_batch_size": 32,
    "train.precision": "float32",
    "train.colors": "grey",
    "train.channels": 8,
    "train.generator_learning_rate": 0.001,
    "train.discriminator_learning_rate": 0.001,
    "train.log_every": 10,
    "train.sample_every": 30,
    "train.score_every": 60,
    "train.score_samples": 20,
    "score.other_judges": [],
    "score.samples": 20,
}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `EACH` pictures of every digit, in which all stages have run with the recipe dcgan."""
    root = tmp_path_factory.mktemp("digits")
    write_archive(root / "digits.tar", EACH)
    for name in ("params.yaml", "data/none.zip"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    recipes.write("dcgan", root / "params.yaml")
    override(SETTINGS, root / "params.yaml")
    with contextlib.chdir(root):
        assert [cli.main([stage]) for stage in STAGES] == [0] * len(STAGES)
    return root


def test_the_crops_of_whole_frames_are_the_pixels_of_the_photos(digits: Path) -> None:
    crops = load_crops(digits / "data/crops")
    assert crops.breeds == tuple(f"digit{digit}" for digit in range(10))
    assert (len(crops.train_images), len(crops.holdout_images)) == (120, 30)
    for row in pd.read_csv(digits / "data/crops/crops.csv").to_dict("records"):
        photo = Image.open(digits / "data/raw/Images" / row["photo"])
        crop = (crops.train_images if row["split"] == "train" else crops.holdout_images)[row["index"]]
        np.testing.assert_array_equal(crop, np.asarray(photo.convert("RGB")))


def test_the_trained_generator_draws_grey_pictures_that_are_closer_to_digits(digits: Path) -> None:
    crops = load_crops(digits / "data/crops")
    trained = load_generator(digits / "models/generator.keras")
    assert (trained.breeds, trained.image_size, trained.latent) == (crops.breeds, 28, "uniform")
    keras.utils.set_random_seed(0)
    network = dcgan.build_generator(Shape(28, 1, trained.latent_size, 10, 8), LayerFactory(keras_only=True))
    untrained = Generator(network, trained.breeds, trained.latent)

    def error(drawer: Generator) -> float:
        pictures = drawer.draw(np.arange(100, dtype=np.int32) % 10, seed=0)
        assert (pictures == pictures[..., :1]).all()
        return float(np.abs(pictures.mean(axis=0) - crops.train_images.mean(axis=0)).mean())

    assert error(trained) < 0.5 * error(untrained)


def test_history_and_scores_are_written(digits: Path) -> None:
    history = pd.read_csv(digits / "reports/history.csv")
    assert list(history["step"]) == [10, 20, 30, 40, 50, 60]
    assert np.isfinite(history["discriminator_loss"]).all()
    (numbers,) = json.loads((digits / "reports/metrics.json").read_text()).values()
    assert numbers["samples"] == 20
    assert numbers["frechet_distance"] > numbers["frechet_distance_floor"] > 0
    breeds = pd.read_csv(digits / "reports/breeds.csv")
    assert len(breeds) == 10
    assert "digit7" in (digits / "reports/scores.html").read_text()
