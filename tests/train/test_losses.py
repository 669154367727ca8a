"""Adversarial losses against their textbook values, in NumPy and float64."""

import numpy as np
import pytest
import tensorflow as tf

from pedigree.train.losses import LOSSES, classification

CHANCE = np.random.default_rng(0)
REAL, FAKE = CHANCE.normal(0, 2, (2, 16, 1)).astype(np.float32)
ONES, ZEROS = np.ones((16, 1), np.float32), np.zeros((16, 1), np.float32)
SOFT_ONES, SOFT_ZEROS = (bounds + 0.3 * CHANCE.random((16, 1), np.float32) for bounds in (0.7, 0.0))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.floating:
    return -np.mean(targets * np.log(sigmoid(logits)) + (1 - targets) * np.log(1 - sigmoid(logits)))


def test_minimax_generator_minimises_what_its_discriminator_maximises() -> None:
    loss = LOSSES["minimax"]
    value = np.mean(np.log(sigmoid(REAL))) + np.mean(np.log(1 - sigmoid(FAKE)))
    assert float(loss.discriminator(REAL, FAKE, ONES, ZEROS)) == pytest.approx(-value, rel=1e-5)
    assert float(loss.generator(FAKE)) == pytest.approx(np.mean(np.log(1 - sigmoid(FAKE))), rel=1e-5)


def test_non_saturating_is_binary_cross_entropy_of_the_sigmoid() -> None:
    loss = LOSSES["non-saturating"]
    expected = cross_entropy(REAL, ONES) + cross_entropy(FAKE, ZEROS)
    assert float(loss.discriminator(REAL, FAKE, ONES, ZEROS)) == pytest.approx(expected, rel=1e-5)
    assert float(loss.generator(FAKE)) == pytest.approx(cross_entropy(FAKE, ONES), rel=1e-5)


@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
def test_cross_entropy_uses_soft_targets_on_both_sides(name: str) -> None:
    expected = cross_entropy(REAL, SOFT_ONES) + cross_entropy(FAKE, SOFT_ZEROS)
    assert float(LOSSES[name].discriminator(REAL, FAKE, SOFT_ONES, SOFT_ZEROS)) == pytest.approx(expected, rel=1e-5)


def test_only_the_minimax_generators_gradient_vanishes_where_the_discriminator_is_certain() -> None:
    gradients = {}
    for name in ("minimax", "non-saturating"):
        logit = tf.constant([[-12.0]])
        with tf.GradientTape() as tape:
            tape.watch(logit)
            loss = LOSSES[name].generator(logit)
        gradients[name] = float(tape.gradient(loss, logit)[0, 0])
    assert gradients["minimax"] == pytest.approx(-sigmoid(np.array(-12.0)), rel=1e-3)
    assert gradients["non-saturating"] == pytest.approx(-1, rel=1e-3)


def test_hinge_counts_only_logits_inside_the_margin() -> None:
    loss = LOSSES["hinge"]
    real, fake = np.array([[2.0], [-1.0]]), np.array([[0.5], [-3.0]])
    assert float(loss.discriminator(real, fake, ONES[:2], ZEROS[:2])) == pytest.approx((0 + 2) / 2 + (1.5 + 0) / 2)
    assert float(loss.generator(fake)) == pytest.approx(1.25)


def test_a_flipped_target_mirrors_the_hinge() -> None:
    loss = LOSSES["hinge"].discriminator
    assert float(loss(REAL, FAKE, ZEROS, ONES)) == pytest.approx(float(loss(-REAL, -FAKE, ONES, ZEROS)))


def test_least_squares_is_half_the_squared_distance_to_the_targets() -> None:
    loss = LOSSES["least-squares"]
    expected = np.mean((REAL - SOFT_ONES) ** 2) / 2 + np.mean((FAKE - SOFT_ZEROS) ** 2) / 2
    assert float(loss.discriminator(REAL, FAKE, SOFT_ONES, SOFT_ZEROS)) == pytest.approx(expected, rel=1e-5)
    assert float(loss.discriminator(SOFT_ONES, SOFT_ZEROS, SOFT_ONES, SOFT_ZEROS)) == 0
    assert float(loss.generator(FAKE)) == pytest.approx(np.mean((FAKE - 1) ** 2) / 2, rel=1e-5)


def test_wasserstein_is_the_difference_between_the_means() -> None:
    loss = LOSSES["wasserstein"]
    gap = REAL.mean() - FAKE.mean()
    assert float(loss.discriminator(REAL, FAKE, ONES, ZEROS)) == pytest.approx(-gap, rel=1e-5)
    assert float(loss.generator(FAKE)) == pytest.approx(-FAKE.mean(), rel=1e-5)


def test_relativistic_compares_each_generated_image_with_its_real_one() -> None:
    loss = LOSSES["relativistic"]
    expected = np.mean(-np.log(sigmoid(REAL - FAKE)))
    assert float(loss.discriminator(REAL, FAKE, ONES, ZEROS)) == pytest.approx(expected, rel=1e-5)
    assert float(loss.generator(FAKE, REAL)) == pytest.approx(np.mean(-np.log(sigmoid(FAKE - REAL))), rel=1e-5)
    assert float(loss.generator(FAKE + 5, REAL + 5)) == pytest.approx(float(loss.generator(FAKE, REAL)), rel=1e-5)
    assert abs(float(loss.generator(FAKE[::-1], REAL)) - float(loss.generator(FAKE, REAL))) > 0.01


def test_only_the_relativistic_generator_needs_real_logits() -> None:
    assert [name for name, loss in LOSSES.items() if loss.paired] == ["relativistic"]


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_falls_when_its_network_improves(name: str) -> None:
    loss = LOSSES[name]
    real, fake = (np.full((4, 1), logit, np.float32) for logit in (0.2, 0.4))
    before = float(loss.discriminator(real, fake, ONES[:4], ZEROS[:4]))
    assert float(loss.discriminator(real + 0.1, fake, ONES[:4], ZEROS[:4])) < before
    assert float(loss.discriminator(real, fake - 0.1, ONES[:4], ZEROS[:4])) < before
    assert float(loss.generator(fake + 0.1, real)) < float(loss.generator(fake, real))


@pytest.mark.parametrize("name", LOSSES)
def test_extreme_logits_stay_finite(name: str) -> None:
    huge = np.array([[1e4], [-1e4]], np.float32)
    assert np.isfinite(float(LOSSES[name].discriminator(-huge, huge, ONES[:2], ZEROS[:2])))
    assert np.isfinite(float(LOSSES[name].generator(-huge, huge)))


@pytest.mark.parametrize("name", LOSSES)
def test_bfloat16_logits_are_averaged_in_float32(name: str) -> None:
    real, fake = (tf.cast(logits, tf.bfloat16) for logits in (REAL, FAKE))
    exact_real, exact_fake = (tf.cast(logits, tf.float32) for logits in (real, fake))
    loss = LOSSES[name]
    assert float(loss.generator(fake, real)) == float(loss.generator(exact_fake, exact_real))
    value = loss.discriminator(real, fake, ONES, ZEROS)
    assert value.dtype == tf.float32
    assert float(value) == float(loss.discriminator(exact_real, exact_fake, ONES, ZEROS))


def test_classification_is_the_negative_log_of_the_breeds_probability() -> None:
    logits, labels = CHANCE.normal(0, 3, (8, 5)).astype(np.float32), np.arange(8, dtype=np.int32) % 5
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.mean(np.log(shares[np.arange(8), labels]))
    assert float(classification(logits, labels)) == pytest.approx(expected, rel=1e-5)
    assert float(classification(np.zeros((8, 5), np.float32), labels)) == pytest.approx(np.log(5), rel=1e-5)
    assert np.isfinite(float(classification(1e4 * logits, labels)))
