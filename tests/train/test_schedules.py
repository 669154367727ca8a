"""Learning rates against their closed forms, step by step."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from pedigree.settings.train import Train
from pedigree.train.schedules import learning_rate

STEPS = np.arange(101)
FALLS = {
    "linear": lambda share: 1 - share,
    "cosine": lambda share: (1 + np.cos(np.pi * share)) / 2,
    "constant": lambda share: np.ones_like(share),
}


def rates(train: Train, updates_per_step: int = 1) -> np.ndarray:
    schedule = learning_rate(train, 0.002, updates_per_step)
    return np.asarray(schedule(np.arange(100 * updates_per_step + 1)))


@pytest.fixture
def hundred_steps(train_settings: Train) -> Train:
    return dataclasses.replace(train_settings, steps=100)


def test_a_constant_rate_without_warm_up_is_a_number(hundred_steps: Train) -> None:
    assert learning_rate(hundred_steps, 0.002) == 0.002


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_rates_decay_from_the_base_to_zero_at_the_last_step(hundred_steps: Train, name: str) -> None:
    falling = rates(dataclasses.replace(hundred_steps, learning_rate_schedule=name))
    np.testing.assert_allclose(falling, 0.002 * FALLS[name](STEPS / 100), atol=1e-9)


@pytest.mark.parametrize("name", FALLS)
def test_a_warm_up_rises_linearly_and_the_decay_starts_after_it(hundred_steps: Train, name: str) -> None:
    train = dataclasses.replace(hundred_steps, learning_rate_schedule=name, learning_rate_warmup=20)
    warmed = rates(train)
    np.testing.assert_allclose(warmed[:20], 0.002 * np.arange(1, 21) / 20, rtol=1e-5)
    np.testing.assert_allclose(warmed[20:], 0.002 * FALLS[name]((STEPS[20:] - 20) / 80), atol=1e-9)


@pytest.mark.parametrize("name", FALLS)
def test_with_several_updates_per_step_the_schedule_ends_at_the_same_step(hundred_steps: Train, name: str) -> None:
    train = dataclasses.replace(hundred_steps, learning_rate_schedule=name, learning_rate_warmup=20)
    once, often = rates(train), rates(train, updates_per_step=5)
    np.testing.assert_allclose(often[100::5], once[20:], atol=1e-9)
    np.testing.assert_allclose(often[:100], 0.002 * np.arange(1, 101) / 100, rtol=1e-5)


def test_a_warm_up_longer_than_training_never_reaches_the_base(hundred_steps: Train) -> None:
    train = dataclasses.replace(hundred_steps, learning_rate_schedule="cosine", learning_rate_warmup=400)
    np.testing.assert_allclose(rates(train), 0.002 * (STEPS + 1) / 400, rtol=1e-5)


def test_an_optimizer_follows_it_in_a_graph(hundred_steps: Train) -> None:
    train = dataclasses.replace(hundred_steps, learning_rate_schedule="linear", learning_rate_warmup=2)
    weight = keras.Variable(0.0)
    optimizer = keras.optimizers.SGD(learning_rate(train, 0.5))
    optimizer.build([weight])
    update = tf.function(lambda: optimizer.apply([tf.constant(1.0)], [weight]))
    places = [0.0]
    for _ in range(4):
        update()
        places.append(float(weight))
    np.testing.assert_allclose(-np.diff(places), [0.25, 0.5, 0.5, 0.5 * 97 / 98], rtol=1e-5)
