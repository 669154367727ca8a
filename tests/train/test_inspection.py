"""Periodic diagnostics of both networks: norms of weights and gradients, accuracy on held-out photos, latent walks."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pedigree.backends import make_engine
from pedigree.common.packed_crops import load_crops
from pedigree.generator.model import Generator
from pedigree.train.batches import stacked
from pedigree.train.gan import ConditionalGAN
from pedigree.train.inspection import MAX_CROPS, Inspection
from pedigree.train.step import compile_steps
from pedigree.train.tensorboard_log import TensorBoardLog


@pytest.fixture(autouse=True)
def eagerly():
    """Run the one step of each test eagerly, which takes less time than compiling it."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def crops(crops_folder):
    return load_crops(crops_folder)


@pytest.fixture
def inspected(train_settings, crops, tmp_path):
    """Return a GAN after one step, its metrics, the result of the inspection and its log."""
    settings = dataclasses.replace(train_settings, spectral_norm="discriminator")
    gan = ConditionalGAN(settings, crops.size, len(crops.breeds), "float32", make_engine("one"))
    metrics = compile_steps(gan, 1)(stacked(range(1), crops.train_images, crops.train_labels, settings))
    with TensorBoardLog(tmp_path / "log") as log:
        drawer = Generator(gan.average, crops.breeds, settings.latent)
        result = Inspection(gan, drawer, crops, log).inspect(7, metrics)
    return gan, metrics, result, EventAccumulator(str(tmp_path / "log")).Reload()


def test_every_weight_has_a_curve_of_its_norm_and_of_its_gradients(inspected):
    gan, metrics, _, points = inspected
    groups = {}
    for tag in points.Tags()["scalars"]:
        group, _, path = tag.partition("/")
        (point,) = points.Scalars(tag)
        assert point.step == 7
        groups.setdefault(group, {})[path] = point.value
    for name, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        sizes = {weight.path: np.linalg.norm(np.array(weight)) for weight in network.trainable_variables}
        assert groups[f"weights_{name}"] == pytest.approx(sizes, rel=1e-5)
        assert set(groups[f"gradients_{name}"]) == set(sizes)
        together = np.sqrt(sum(value**2 for value in groups[f"gradients_{name}"].values()))
        assert together == pytest.approx(float(metrics[f"{name}_gradient_norm"][-1]), rel=1e-4)
        assert sum(value > 0 for value in groups[f"gradients_{name}"].values()) > len(sizes) / 2


def test_holdout_accuracy_is_the_share_of_positive_logits(inspected, crops):
    gan, _, result, _ = inspected
    pictures = crops.holdout_images.astype(np.float32) / 127.5 - 1
    logits = np.array(gan.discriminate(pictures, crops.holdout_labels, training=False)[0])
    assert result == {"holdout_accuracy": (logits > 0).mean()}


def test_holdout_accuracy_ranges_from_0_to_1_and_uses_a_limited_number_of_crops(inspected, crops, tmp_path):
    gan, metrics, _, _ = inspected
    many = dataclasses.replace(
        crops,
        holdout_images=np.repeat(crops.holdout_images, 200, axis=0),
        holdout_labels=np.repeat(crops.holdout_labels, 200),
    )
    for given, share in (([1.0], 1.0), ([-1.0], 0.0), ([1.0, -1.0, -1.0, -1.0], 0.25)):
        sizes = []

        def discriminate(images, labels, training, given=given, sizes=sizes):
            sizes.append(len(images))
            return [np.tile(given, (len(images), 1))]

        gan.discriminate = discriminate
        with TensorBoardLog(tmp_path / "other") as log:
            drawer = Generator(gan.average, crops.breeds)
            assert Inspection(gan, drawer, many, log).inspect(7, metrics) == {"holdout_accuracy": share}
        assert sum(sizes) == MAX_CROPS


def test_walks_are_logged_as_images_and_one_between_breeds_only_if_there_are_several(inspected, crops, tmp_path):
    gan, metrics, _, points = inspected
    assert points.Tags()["images"] == ["walk/latent", "walk/breeds"]
    with TensorBoardLog(tmp_path / "single") as log:
        drawer = Generator(gan.average, crops.breeds[:1])
        Inspection(gan, drawer, crops, log).inspect(7, metrics)
    single = EventAccumulator(str(tmp_path / "single")).Reload()
    assert single.Tags()["images"] == ["walk/latent"]
