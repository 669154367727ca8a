"""One training step: the formulas of the losses, the pool, and what is learned on a toy pair."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from pedigree.backends import make_engine
from pedigree.common.packed_crops import Crops
from pedigree.settings.translate import Translate
from pedigree.train.calls import compile_calls
from pedigree.train.step import scaled
from pedigree.translate.batches import stacked
from pedigree.translate.gan import CycleGAN
from pedigree.translate.step import exchanged, generator_step, train_step


def gan_of(settings: Translate) -> CycleGAN:
    return CycleGAN(settings, 16, "float32", make_engine("one"))


def first_of(settings: Translate, pair: Crops) -> dict[str, Any]:
    return {name: array[0] for name, array in stacked(range(1), pair, settings).items()}


@pytest.mark.usefixtures("eagerly")
def test_the_generators_minimise_the_losses_of_the_paper(settings: Translate, pair: Crops) -> None:
    gan = gan_of(settings)
    real = [np.asarray(scaled(images)) for images in first_of(settings, pair)["images"]]
    to_first, to_second = (lambda x, net=net: np.asarray(net(x)) for net in gan.generators)
    fakes = [to_first(real[1]), to_second(real[0])]
    logits = [np.asarray(net(fake)) for net, fake in zip(gan.discriminators, fakes, strict=True)]
    adversarial = sum(((each - 1) ** 2).mean() for each in logits)
    cycle = np.abs(to_first(fakes[1]) - real[0]).mean() + np.abs(to_second(fakes[0]) - real[1]).mean()
    identity = np.abs(to_first(real[0]) - real[0]).mean() + np.abs(to_second(real[1]) - real[1]).mean()
    metrics, drawn = generator_step(gan, real)
    assert float(metrics["cycle_loss"]) == pytest.approx(cycle, rel=1e-4)
    assert float(metrics["identity_loss"]) == pytest.approx(identity, rel=1e-4)
    assert float(metrics["adversarial_loss"]) == pytest.approx(adversarial, rel=1e-4)
    assert float(metrics["generator_loss"]) == pytest.approx(adversarial + 10 * cycle + 5 * identity, rel=1e-4)
    np.testing.assert_allclose(drawn, fakes, atol=1e-4)


@pytest.mark.usefixtures("eagerly")
def test_without_an_identity_loss_the_generators_see_the_other_breed_alone(settings: Translate, pair: Crops) -> None:
    gan = gan_of(dataclasses.replace(settings, identity_weight=0.0))
    real = [np.asarray(scaled(images)) for images in first_of(settings, pair)["images"]]
    metrics, _ = generator_step(gan, real)
    assert float(metrics["identity_loss"]) == 0
    assert float(metrics["cycle_loss"]) > 0


def test_the_pool_stores_and_returns_what_the_batch_says(settings: Translate) -> None:
    gan = gan_of(settings)
    before = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    gan.pools[1].assign(before)
    drawn = np.full((2, 16, 16, 3), [[[[0.25]]], [[[0.75]]]], np.float32)
    column = np.array([True, False]).reshape(2, 1, 1, 1)
    batch = {"slots": np.array([[0, 0], [3, 1]], np.int32), "stored": [~column, column], "returned": [column, column]}
    shown = np.asarray(exchanged(gan, 1, drawn, batch))
    np.testing.assert_array_equal(shown[0], before[3])
    np.testing.assert_array_equal(shown[1], drawn[1])
    np.testing.assert_array_equal(gan.pools[1].numpy()[:3], before[:3])
    np.testing.assert_array_equal(gan.pools[1].numpy()[3], drawn[0])


def test_on_a_toy_pair_dogs_get_the_colour_of_the_other_breed_and_come_back(settings: Translate, pair: Crops) -> None:
    quick = {"channels": 4, "learning_rate": 0.002, "learning_rate_schedule": "constant", "ema_half_life": 0}
    longer = dataclasses.replace(settings, steps=60, **quick)
    gan = gan_of(longer)
    take = compile_calls(gan.engine, lambda batch: train_step(gan, batch), gan.variables, 60)
    losses = take(stacked(range(60), pair, longer))["cycle_loss"]
    assert losses[-10:].mean() < 0.5 * losses[0]
    reds = np.asarray(scaled(pair.holdout_images[pair.holdout_labels == 0]))
    blues = np.asarray(gan.averages[1](reds))
    assert reds[..., 0].mean() > reds[..., 2].mean() + 0.5
    assert blues[..., 2].mean() > blues[..., 0].mean() + 0.5
