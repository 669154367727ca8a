"""Scores during training: their values, the problems they report, and the weights they select."""

import dataclasses
import json
import typing

import keras
import numpy as np
import pytest

from pedigree.common.packed_crops import Crops
from pedigree.errors import PedigreeError
from pedigree.features import extractors
from pedigree.generator.model import Generator
from pedigree.settings.train import Train
from pedigree.train.selection import MAX_CROPS, Selection, new_problem

BREEDS = ("n90000001-Red", "n90000002-Green", "n90000003-Blue")


class Pixels:
    """An extractor whose features are the mean colours of an image's quarters."""

    name, image_size, dimension, fingerprint = "pixels", 8, 12, "one"

    def features(self, images, batch_size=32):
        quarters = images.reshape(len(images), 2, 4, 2, 4, 3).mean((2, 4))
        return (quarters.reshape(len(images), -1) / 32).astype(np.float32)


class Painter:
    """Draws a breed by choosing among given images of it."""

    image_size = 8

    def __init__(self, pictures):
        self.pictures = pictures  # (breeds, n, 8, 8, 3)
        self.network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def batches(self, labels, seed):
        chosen = np.random.default_rng(seed).integers(0, self.pictures.shape[1], len(labels))
        yield self.pictures[labels, chosen]


def dogs(each, seed, breeds=3):
    """Return images `(breeds, each, 8, 8, 3)` whose quarters have the breed's colour in random brightness."""
    quarters = np.random.default_rng(seed).normal(110, 30, (breeds, each, 2, 2, 3))
    for breed in range(breeds):
        quarters[breed, ..., breed % 3] += 60
    return quarters.repeat(4, 2).repeat(4, 3).clip(0, 255).astype(np.uint8)


def crops_of(train, holdout):
    labels = [np.repeat(np.arange(len(side), dtype=np.int32), side.shape[1]) for side in (train, holdout)]
    pictures = [side.reshape(-1, *side.shape[2:]) for side in (train, holdout)]
    return Crops(pictures[0], labels[0], pictures[1], labels[1], BREEDS[: len(train)])


@pytest.fixture(autouse=True)
def extractor(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extractors, "load", lambda name, weights: Pixels())


@pytest.fixture
def crops():
    return crops_of(dogs(40, seed=1), dogs(20, seed=2))


@pytest.fixture
def settings(train_settings):
    return dataclasses.replace(train_settings, score_every=1, score_samples=96, keep="kernel_distance")


def scores(kernel_distance, different=1.0, variety=1.0, noise=0.003):
    """Return a list of scores. A single number applies to all of them."""
    columns = {"kernel_distance": kernel_distance, "different": different, "variety": variety, "noise": noise}
    rows = {name: np.broadcast_to(values, len(kernel_distance)).tolist() for name, values in columns.items()}
    return [{"step": (place + 1) * 100} | {n: v[place] for n, v in rows.items()} for place in range(len(rows["noise"]))]


@pytest.mark.parametrize(
    ("pictures", "different", "variety", "near"),
    [
        (dogs(200, seed=3), (0.9, 1.01), (0.9, 1.1), True),
        (dogs(1, seed=3), (0.0, 0.04), (0.0, 0.01), False),
        (dogs(5, seed=3), (0.05, 0.16), (0.5, 1.2), False),
        (dogs(200, seed=3) // 4 + 90, (0.9, 1.01), (0.2, 0.3), False),
    ],
    ids=["as the photos", "one picture a breed", "five a breed", "shapeless"],
)
def test_scores_distinguish_repeated_images_from_shapeless_ones(crops, settings, pictures, different, variety, near):
    result, problem = Selection(Painter(pictures), crops, settings).score(100)
    assert different[0] <= result["different"] <= different[1]
    assert variety[0] <= result["variety"] <= variety[1]
    assert (result["kernel_distance"] < 0.02) == near
    assert problem is None


def test_a_collapse_is_reported_once_at_the_second_score_that_shows_it(crops, settings):
    painter = Painter(dogs(200, seed=3))
    scorer = Selection(painter, crops, settings)
    assert [scorer.score(step)[1] for step in (100, 200)] == [None, None]
    painter.pictures = dogs(1, seed=4)
    first, second, third = (scorer.score(step)[1] for step in (300, 400, 500))
    assert (first, third) == (None, None)
    assert "collapses onto few images at step 400: kernel distance" in second
    assert "; at its best, at step 100: kernel distance" in second
    assert "\n" not in second


SHAPES = {"kernel_distance": [0.71, 0.66, 0.62, 0.70, 0.68, 0.60, 0.56], "different": [1.0, 0.82, *[0.98] * 5]}


@pytest.mark.parametrize(
    "history",
    [
        scores(**SHAPES, variety=[0.43, 0.60, 0.75, 0.72, 0.63, 0.75, 0.75]),  # the default recipe's steps 20 to 140
        scores([0.9, 0.8, 0.7, 0.6], variety=[1.5, 0.6, 0.5, 0.5]),
        scores([0.5, 0.4, 0.7, 0.39], different=[1.0, 1.0, 0.1, 1.0]),
        scores([0.5, 0.6, 0.6, 0.6], different=0.1, variety=0.2),
        scores([0.5, 0.45, 0.42, 0.4], different=[1.0, 0.9, 0.1, 0.1]),
        scores([-0.001, 0.002, 0.003, 0.002], noise=0.001),
        scores([0.2, 0.3, 0.38, 0.39]),
        scores([0.2, 0.9, 0.2, 0.9, 0.2]),
        scores([0.5, 0.4, 0.45, 0.45], different=float("nan"), variety=float("nan")),
    ],
    ids=[
        "first shapes",
        "noise takes shape",
        "one bad score",
        "never varied",
        "comes nearer",
        "noise around zero",
        "worse but not twice",
        "alternating",
        "too few images",
    ],
)
def test_what_is_no_collapse_and_no_divergence_is_not_reported(history):
    assert [new_problem(history[:count]) for count in range(len(history) + 1)] == [None] * (len(history) + 1)


@pytest.mark.parametrize(
    ("history", "problem"),
    [
        (scores([0.3, 0.2, 0.22, 0.22], different=[1.0, 1.0, 0.1, 0.1]), "collapses"),
        (scores([0.3, 0.2, 0.201, 0.201], variety=[1.0, 1.0, 0.6, 0.6]), "collapses"),
        (scores([0.3, 0.2, 0.25, 0.25], variety=[0.6, 0.6, 0.3, 0.3]), "collapses"),
        (scores([0.3, 0.2, 0.5, 0.6]), "diverges"),
        (scores([0.001, 0.0, 0.02, 0.02], noise=0.001), "diverges"),
        (scores([0.2, 0.9, 0.2, 0.9, 0.9]), "diverges"),
    ],
)
def test_a_problem_that_two_scores_show_is_reported(history, problem):
    assert new_problem(history[:-1]) is None
    assert f"The generator {problem} " in new_problem(history)
    assert f"at step {history[-1]['step']}:" in new_problem(history)


@pytest.fixture
def drawer():
    """Return a generator whose only weight is the brightness of its images."""
    latent, breed = keras.Input((1,)), keras.Input((), dtype="int32")
    plain = keras.layers.Rescaling(0.0)(keras.layers.UpSampling2D(8)(keras.layers.Reshape((1, 1, 1))(latent)))
    noise = keras.layers.Rescaling(0.2)(keras.layers.UpSampling2D(8)(keras.layers.Reshape((1, 1, 1))(latent)))
    bias = keras.layers.Conv2D(3, 1, kernel_initializer="zeros", name="brightness")(plain)
    tint = keras.layers.UpSampling2D(8)(
        keras.layers.Reshape((1, 1, 3))(keras.layers.Embedding(3, 3, embeddings_initializer="zeros")(breed))
    )
    picture = keras.layers.Add()([bias, keras.layers.Concatenate()([noise] * 3), tint])
    return Generator(keras.Model([latent, breed], picture), BREEDS)


def brighten(drawer, value):
    drawer.network.get_layer("brightness").bias.assign([value] * 3)


def brightness(drawer):
    return float(np.array(drawer.network.get_layer("brightness").bias)[0])


@pytest.mark.parametrize(("keep", "kept"), [("kernel_distance", 200), ("frechet_distance", 200), ("last", 300)])
def test_the_selected_weights_are_the_best_or_the_last(drawer, crops, settings, keep, kept):
    brighten(drawer, 0.5)
    real = drawer.draw(np.repeat(np.arange(3, dtype=np.int32), 20), seed=7).reshape(3, 20, 8, 8, 3)
    scorer = Selection(drawer, crops_of(real, real), dataclasses.replace(settings, keep=keep))
    brightnesses = {100: -0.5, 200: 0.5, 300: 0.1}
    for step, value in brightnesses.items():
        brighten(drawer, value)
        scorer.score(step)
    brighten(drawer, 0.9)  # the selection has copies of the best weights
    scorer.load_selected()
    assert scorer.selected["step"] == kept
    assert brightness(drawer) == pytest.approx(brightnesses[kept])


def test_restored_from_its_state_it_scores_and_selects_the_same(drawer, crops, settings):
    one = Selection(drawer, crops, settings)
    for step, value in ((100, 0.0), (200, -0.1), (300, 0.8)):
        brighten(drawer, value)
        one.score(step)
    scored, best = one.state()
    other = Selection(drawer, crops, settings)
    other.restore(json.loads(json.dumps(scored)), {name: array.copy() for name, array in best.items()})
    assert other.score(400) == one.score(400)
    assert other.state()[0] == one.state()[0]
    other.load_selected()
    assert brightness(drawer) == pytest.approx({100: 0.0, 200: -0.1}[one.selected["step"]])


def test_breeds_are_drawn_with_the_frequencies_of_the_training_crops(settings):
    train = crops_of(dogs(40, 1), dogs(20, 2))
    uneven = np.repeat(np.arange(3, dtype=np.int32), [60, 30, 30])
    scorer = Selection(Painter(dogs(9, 3)), dataclasses.replace(train, train_labels=uneven), settings)
    assert np.bincount(scorer.labels).tolist() == [48, 24, 24]


def test_of_many_held_out_crops_a_share_of_every_breed_is_used(settings):
    many = crops_of(dogs(40, 1), dogs(800, 2))
    scorer = Selection(Painter(dogs(9, 3)), many, settings)
    assert len(scorer.real) == MAX_CROPS
    assert np.bincount(scorer.real_labels).tolist() == pytest.approx([MAX_CROPS / 3] * 3, abs=1)
    few = crops_of(dogs(40, 1), dogs(20, 2))
    np.testing.assert_array_equal(
        Selection(Painter(dogs(9, 3)), few, settings).real, Pixels().features(few.holdout_images)
    )


def test_the_error_for_too_few_held_out_crops_says_what_to_do(settings):
    with pytest.raises(
        PedigreeError, match=r"needs 6 held-out crops to compare with, and there are 3: raise crop.hold"
    ):
        Selection(Painter(dogs(9, 3)), crops_of(dogs(40, 1), dogs(1, 2)), settings)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite0-bfloat16", "resnet50-v2"])
def test_scores_are_by_the_extractor_that_is_named_for_training(crops, settings, monkeypatch, name):
    loaded = []
    monkeypatch.setattr(extractors, "load", lambda *arguments: loaded.append(arguments) or Pixels())
    Selection(Painter(dogs(9, 3)), crops, dataclasses.replace(settings, score_extractor=name))
    assert loaded == [(name, None)]


def test_every_extractor_that_needs_no_file_of_weights_can_score_training():
    names = typing.get_args(typing.get_type_hints(Train)["score_extractor"])
    assert sorted(names) == sorted(set(extractors.NAMES) - {"inception-2015"})


def test_scoring_shows_no_progress_bar(crops, settings, capfd):
    scorer = Selection(Painter(dogs(9, 3)), crops, settings)
    capfd.readouterr()
    scorer.score(100)
    assert capfd.readouterr() == ("", "")
