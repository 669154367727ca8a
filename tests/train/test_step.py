"""The compiled step: every composition of losses, penalties and conditions trains and repeats exactly."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from pedigree.settings.params import Train
from pedigree.train.gan import ConditionalGAN
from train.test_gan import gan_of, take

COMPOSITIONS: dict[str, dict[str, Any]] = {
    "minimax, soft and noisy labels": {
        "loss": "minimax",
        "real_targets": [0.8, 1.0],
        "fake_targets": [0.0, 0.1],
        "real_flips": 0.1,
        "fake_flips": 0.1,
    },
    "hinge, spectral norm, two discriminator steps": {
        "loss": "hinge",
        "spectral_norm": "both",
        "discriminator_steps": 2,
        "r1_weight": 0.0,
    },
    "least squares, concatenated condition": {"loss": "least-squares", "conditioning": "concatenation"},
    "wasserstein, gradient penalty, classifier": {
        "loss": "wasserstein",
        "r1_weight": 0.0,
        "gradient_penalty_weight": 10.0,
        "penalty_interval": 1,
        "conditioning": "classifier",
        "classifier_weight": 1.0,
        "generator_classifier_weight": 0.1,
    },
    "relativistic, R1 and R2 every step": {"loss": "relativistic", "r2_weight": 1.0, "penalty_interval": 1},
    "no condition, ramp, adaptive augmentation": {
        "conditioning": "none",
        "condition_ramp": [4, 20],
        "augment": ["flip", "color", "translation", "cutout"],
        "augment_target": 0.6,
        "augment_speed": 40,
    },
}


def values(gan: ConditionalGAN) -> list[Any]:
    return [np.array(variable) for variable in gan.variables]


@pytest.mark.parametrize("change", COMPOSITIONS.values(), ids=COMPOSITIONS)
def test_every_composition_trains_and_repeats_exactly_however_steps_are_split_into_calls(
    train_settings: Train, change: dict[str, Any]
) -> None:
    settings = dataclasses.replace(train_settings, **change)
    one, two = gan_of(settings), gan_of(settings)
    before = values(one)
    metrics = take(one, range(6))
    again = take(two, range(1), range(1, 5), range(5, 6))
    assert all(np.isfinite(value).all() for value in metrics.values())
    for name in metrics:
        np.testing.assert_array_equal(metrics[name], again[name], err_msg=name)
    for a, b in zip(values(one), values(two), strict=True):
        np.testing.assert_array_equal(a, b)
    trainable = {id(v) for network in (one.generator, one.discriminator) for v in network.trainable_variables}
    unchanged = [
        variable.path
        for variable, old in zip(one.variables, before, strict=True)
        if id(variable) in trainable and np.array_equal(np.array(variable), old)
    ]
    assert set(unchanged) <= {"logit/bias"}  # it cancels in losses of differences
