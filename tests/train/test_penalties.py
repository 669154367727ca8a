"""Gradient penalties: their values, and that their own gradients are finite."""

import numpy as np
import pytest
import tensorflow as tf

from pedigree.train.penalties import mixed, squared_norm_penalty, unit_norm_penalty

CHANCE = np.random.default_rng(0)
GRADIENTS = CHANCE.normal(0, 0.05, (4, 8, 8, 3)).astype(np.float32)
NORMS = np.sqrt((GRADIENTS.astype(np.float64) ** 2).sum(axis=(1, 2, 3)))


def test_the_squared_norm_penalty_is_the_mean_over_images_of_the_squared_norm() -> None:
    assert float(squared_norm_penalty(GRADIENTS)) == pytest.approx(np.mean(NORMS**2), rel=1e-5)


def test_the_unit_norm_penalty_is_the_mean_over_images_of_the_squared_distance_of_the_norm_from_1() -> None:
    assert float(unit_norm_penalty(GRADIENTS)) == pytest.approx(np.mean((NORMS - 1) ** 2), rel=1e-5)
    assert float(unit_norm_penalty(GRADIENTS / NORMS[:, None, None, None])) == pytest.approx(0, abs=1e-10)
    assert float(unit_norm_penalty(np.zeros_like(GRADIENTS))) == 1


def test_each_picture_of_a_stack_has_a_penalty_of_its_own() -> None:
    stacks = np.concatenate([GRADIENTS, 2 * GRADIENTS], axis=-1)
    for penalty in (squared_norm_penalty, unit_norm_penalty):
        mean = (float(penalty(GRADIENTS)) + float(penalty(2 * GRADIENTS))) / 2
        assert float(penalty(stacks)) == pytest.approx(mean, rel=1e-5)


def test_the_unit_norm_penalty_has_the_analytic_gradient() -> None:
    gradients = tf.constant(GRADIENTS)
    with tf.GradientTape() as tape:
        tape.watch(gradients)
        penalty = unit_norm_penalty(gradients)
    norms = NORMS[:, None, None, None]
    np.testing.assert_allclose(tape.gradient(penalty, gradients), 2 * (norms - 1) * GRADIENTS / norms / 4, rtol=1e-4)


@pytest.mark.parametrize("penalty", [squared_norm_penalty, unit_norm_penalty])
def test_a_gradient_of_zero_gives_a_finite_derivative_and_changes_no_other(penalty: object) -> None:
    gradients = tf.constant(np.concatenate([np.zeros((1, 8, 8, 3), np.float32), GRADIENTS[1:]]))
    with tf.GradientTape() as tape:
        tape.watch(gradients)
        value = penalty(gradients)  # type: ignore[operator]
    gradient = tape.gradient(value, gradients).numpy()
    assert np.isfinite(gradient).all()
    assert not gradient[0].any()
    assert gradient[1:].any(axis=(1, 2, 3)).all()


def test_bfloat16_gradients_are_squared_in_float32() -> None:
    rounded = tf.cast(GRADIENTS, tf.bfloat16)
    for penalty in (squared_norm_penalty, unit_norm_penalty):
        assert float(penalty(rounded)) == float(penalty(tf.cast(rounded, tf.float32)))


def test_mixed_images_are_linear_interpolations_between_real_and_fake() -> None:
    real, fake = CHANCE.uniform(-1, 1, (2, 4, 8, 8, 3)).astype(np.float32)
    mixing = np.array([[0.0], [1.0], [0.25], [0.5]], np.float32)
    between = np.asarray(mixed(real, fake, mixing))
    np.testing.assert_array_equal(between[0], fake[0])
    np.testing.assert_array_equal(between[1], real[1])
    np.testing.assert_allclose(between[2], fake[2] + 0.25 * (real[2] - fake[2]), atol=1e-6)
    np.testing.assert_allclose(between[3], (real[3] + fake[3]) / 2, atol=1e-6)
