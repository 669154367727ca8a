"""Scores during training: what they see, what they warn of, and which weights they keep."""

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
from pedigree.train.selection import MOST, Selection, trouble

BREEDS = ("n90000001-Red", "n90000002-Green", "n90000003-Blue")


class Pixels:
    """An extractor for which a picture is its own features, a number a quarter and colour."""

    name, image_size, dimension, fingerprint = "pixels", 8, 12, "one"

    def features(self, images, batch_size=32):
        quarters = images.reshape(len(images), 2, 4, 2, 4, 3).mean((2, 4))
        return (quarters.reshape(len(images), -1) / 32).astype(np.float32)


class Painter:
    """Draws a breed by choosing among pictures of it."""

    image_size = 8

    def __init__(self, pictures):
        self.pictures = pictures  # (breeds, n, 8, 8, 3)
        self.network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def batches(self, labels, seed):
        chosen = np.random.default_rng(seed).integers(0, self.pictures.shape[1], len(labels))
        yield self.pictures[labels, chosen]


def dogs(each, seed, breeds=3):
    """Pictures of each breed, its colour in all quarters, brighter here and darker there: `(breeds, each, 8, 8, 3)`."""
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
    """A score a look; a lone number is that of every look."""
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
def test_numbers_tell_repetition_from_shapelessness(crops, settings, pictures, different, variety, near):
    numbers, told = Selection(Painter(pictures), crops, settings).look(100)
    assert different[0] <= numbers["different"] <= different[1]
    assert variety[0] <= numbers["variety"] <= variety[1]
    assert (numbers["kernel_distance"] < 0.02) == near
    assert told is None


def test_collapse_is_told_at_the_second_look_that_shows_it_and_then_no_more(crops, settings):
    painter = Painter(dogs(200, seed=3))
    looks = Selection(painter, crops, settings)
    assert [looks.look(step)[1] for step in (100, 200)] == [None, None]
    painter.pictures = dogs(1, seed=4)
    first, second, third = (looks.look(step)[1] for step in (300, 400, 500))
    assert (first, third) == (None, None)
    assert "collapses onto few pictures at step 400: kernel distance" in second
    assert "; at its best, at step 100: kernel distance" in second
    assert "\n" not in second


SHAPES = {"kernel_distance": [0.71, 0.66, 0.62, 0.70, 0.68, 0.60, 0.56], "different": [1.0, 0.82, *[0.98] * 5]}


@pytest.mark.parametrize(
    "seen",
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
        "one bad look",
        "never varied",
        "comes nearer",
        "chance about nothing",
        "worse but not twice",
        "to and fro",
        "too few to tell",
    ],
)
def test_what_is_no_collapse_and_no_divergence_is_not_told(seen):
    assert [trouble(seen[:count]) for count in range(len(seen) + 1)] == [None] * (len(seen) + 1)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (scores([0.3, 0.2, 0.22, 0.22], different=[1.0, 1.0, 0.1, 0.1]), "collapses"),
        (scores([0.3, 0.2, 0.201, 0.201], variety=[1.0, 1.0, 0.6, 0.6]), "collapses"),
        (scores([0.3, 0.2, 0.25, 0.25], variety=[0.6, 0.6, 0.3, 0.3]), "collapses"),
        (scores([0.3, 0.2, 0.5, 0.6]), "diverges"),
        (scores([0.001, 0.0, 0.02, 0.02], noise=0.001), "diverges"),
        (scores([0.2, 0.9, 0.2, 0.9, 0.9]), "diverges"),
    ],
)
def test_what_lasts_two_looks_is_told(seen, told):
    assert trouble(seen[:-1]) is None
    assert f"The generator {told} " in trouble(seen)
    assert f"at step {seen[-1]['step']}:" in trouble(seen)


@pytest.fixture
def drawer():
    """A generator whose pictures are as bright as its one weight says."""
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
def test_the_weights_put_back_are_those_that_scored_best_or_the_last(drawer, crops, settings, keep, kept):
    brighten(drawer, 0.5)
    real = drawer.draw(np.repeat(np.arange(3, dtype=np.int32), 20), seed=7).reshape(3, 20, 8, 8, 3)
    looks = Selection(drawer, crops_of(real, real), dataclasses.replace(settings, keep=keep))
    brightnesses = {100: -0.5, 200: 0.5, 300: 0.1}
    for step, value in brightnesses.items():
        brighten(drawer, value)
        looks.look(step)
    brighten(drawer, 0.9)  # the best is a copy, not the network's own
    looks.put_back()
    assert looks.kept["step"] == kept
    assert brightness(drawer) == pytest.approx(brightnesses[kept])


def test_gone_on_from_its_state_it_scores_keeps_and_warns_the_same(drawer, crops, settings):
    one = Selection(drawer, crops, settings)
    for step, value in ((100, 0.0), (200, -0.1), (300, 0.8)):
        brighten(drawer, value)
        one.look(step)
    scored, best = one.state()
    other = Selection(drawer, crops, settings)
    other.restore(json.loads(json.dumps(scored)), {name: array.copy() for name, array in best.items()})
    assert other.look(400) == one.look(400)
    assert other.state()[0] == one.state()[0]
    other.put_back()
    assert brightness(drawer) == pytest.approx({100: 0.0, 200: -0.1}[one.kept["step"]])


def test_it_asks_for_breeds_as_the_training_crops_have_them(settings):
    train = crops_of(dogs(40, 1), dogs(20, 2))
    uneven = np.repeat(np.arange(3, dtype=np.int32), [60, 30, 30])
    looks = Selection(Painter(dogs(9, 3)), dataclasses.replace(train, train_labels=uneven), settings)
    assert np.bincount(looks.labels).tolist() == [48, 24, 24]


def test_of_many_held_out_crops_it_takes_some_of_every_breed_in_its_proportion(settings):
    many = crops_of(dogs(40, 1), dogs(800, 2))
    looks = Selection(Painter(dogs(9, 3)), many, settings)
    assert len(looks.real) == MOST
    assert np.bincount(looks.real_labels).tolist() == pytest.approx([MOST / 3] * 3, abs=1)
    few = crops_of(dogs(40, 1), dogs(20, 2))
    np.testing.assert_array_equal(
        Selection(Painter(dogs(9, 3)), few, settings).real, Pixels().features(few.holdout_images)
    )


def test_too_few_held_out_crops_are_an_error_that_says_what_to_do(settings):
    with pytest.raises(
        PedigreeError, match=r"needs 6 held-out crops to score against, and there are 3: raise crop.hold"
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


def test_looks_draw_no_bar_of_their_own(crops, settings, capfd):
    looks = Selection(Painter(dogs(9, 3)), crops, settings)
    capfd.readouterr()
    looks.look(100)
    assert capfd.readouterr() == ("", "")
