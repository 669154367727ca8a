"""The closer look at both networks: norms by the layer, held-out photos, walks."""

import dataclasses

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pedigree.backends import make_engine
from pedigree.common.packed_crops import load_crops
from pedigree.generator.model import Generator
from pedigree.train.batches import stacked
from pedigree.train.gan import ConditionalGAN
from pedigree.train.inspection import PICTURES, Inspection
from pedigree.train.step import compile_steps
from pedigree.train.tensorboard_log import TensorBoardLog


@pytest.fixture
def crops(crops_folder):
    return load_crops(crops_folder)


@pytest.fixture
def looked(train_settings, crops, tmp_path):
    """A GAN after one step, what that told, the inspection's answer and its log."""
    settings = dataclasses.replace(train_settings, spectral_norm="discriminator")
    gan = ConditionalGAN(settings, crops.size, len(crops.breeds), "float32", make_engine("one"))
    told = compile_steps(gan, 1)(stacked(range(1), crops.train_images, crops.train_labels, settings))
    with TensorBoardLog(tmp_path / "log") as log:
        drawer = Generator(gan.average, crops.breeds, settings.latent)
        answer = Inspection(gan, drawer, crops, log).look(7, told)
    return gan, told, answer, EventAccumulator(str(tmp_path / "log")).Reload()


def test_every_weight_has_a_curve_of_its_size_and_of_its_gradients(looked):
    gan, told, _, points = looked
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
        assert together == pytest.approx(float(told[f"{name}_gradient_norm"][-1]), rel=1e-4)
        assert sum(value > 0 for value in groups[f"gradients_{name}"].values()) > len(sizes) / 2


def test_the_share_of_held_out_photos_taken_for_real_is_what_the_logits_say(looked, crops):
    gan, _, answer, _ = looked
    pictures = crops.holdout_images.astype(np.float32) / 127.5 - 1
    logits = np.array(gan.judge(pictures, crops.holdout_labels, training=False)[0])
    assert answer == {"holdout_accuracy": (logits > 0).mean()}


def test_a_discriminator_that_takes_all_for_real_or_none_is_told(looked, crops, tmp_path):
    gan, told, _, _ = looked
    many = dataclasses.replace(
        crops,
        holdout_images=np.repeat(crops.holdout_images, 200, axis=0),
        holdout_labels=np.repeat(crops.holdout_labels, 200),
    )
    for logit, share in ((1.0, 1.0), (-1.0, 0.0)):
        asked = []

        def judge(images, labels, training, logit=logit, asked=asked):
            asked.append(len(images))
            return [np.full((len(images), 1), logit)]

        gan.judge = judge
        with TensorBoardLog(tmp_path / "other") as log:
            drawer = Generator(gan.average, crops.breeds)
            assert Inspection(gan, drawer, many, log).look(7, told) == {"holdout_accuracy": share}
        assert sum(asked) == PICTURES


def test_walks_are_pictures_and_there_is_none_to_another_breed_where_there_is_no_other(looked, crops, tmp_path):
    gan, told, _, points = looked
    assert points.Tags()["images"] == ["walk/latent", "walk/breeds"]
    with TensorBoardLog(tmp_path / "alone") as log:
        drawer = Generator(gan.average, crops.breeds[:1])
        Inspection(gan, drawer, crops, log).look(7, told)
    alone = EventAccumulator(str(tmp_path / "alone")).Reload()
    assert alone.Tags()["images"] == ["walk/latent"]
