"""Adversarial losses against their textbook values."""

import numpy as np
import pytest

from pedigree.losses import LOSSES

REAL = np.array([[2.0], [-1.0]], np.float32)
FAKE = np.array([[0.5], [-3.0]], np.float32)
ONES, ZEROS = np.ones((2, 1), np.float32), np.zeros((2, 1), np.float32)


def test_non_saturating_is_binary_cross_entropy_of_the_sigmoid() -> None:
    loss = LOSSES["non-saturating"]
    sigmoid = lambda logits: 1 / (1 + np.exp(-logits))  # noqa: E731
    expected = -np.mean(np.log(sigmoid(REAL))) - np.mean(np.log(1 - sigmoid(FAKE)))
    assert float(loss.discriminator(REAL, FAKE, ONES, ZEROS)) == pytest.approx(expected, rel=1e-5)
    assert float(loss.generator(FAKE)) == pytest.approx(-np.mean(np.log(sigmoid(FAKE))), rel=1e-5)


def test_soft_and_flipped_targets_reach_the_loss() -> None:
    loss = LOSSES["non-saturating"].discriminator
    sigmoid = 1 / (1 + np.exp(-REAL))
    soft = np.full((2, 1), 0.9, np.float32)
    expected = -np.mean(0.9 * np.log(sigmoid) + 0.1 * np.log(1 - sigmoid))
    assert float(loss(REAL, FAKE, soft, ZEROS) - loss(REAL, FAKE, ZEROS, ZEROS)) == pytest.approx(
        expected + np.mean(np.log(1 - sigmoid)), rel=1e-4
    )


def test_hinge_counts_only_what_is_inside_the_margin() -> None:
    loss = LOSSES["hinge"]
    assert float(loss.discriminator(REAL, FAKE, ONES, ZEROS)) == pytest.approx((0 + 2) / 2 + (1.5 + 0) / 2)
    assert float(loss.generator(FAKE)) == pytest.approx(1.25)


@pytest.mark.parametrize("name", LOSSES)
def test_extreme_logits_stay_finite(name: str) -> None:
    huge = np.array([[1e4], [-1e4]], np.float32)
    assert np.isfinite(float(LOSSES[name].discriminator(-huge, huge, ONES, ZEROS)))
    assert np.isfinite(float(LOSSES[name].generator(-huge)))
