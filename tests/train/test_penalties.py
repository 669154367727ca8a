"""Penalties on slopes: their values, and gradients that stay finite."""

import numpy as np
import pytest
import tensorflow as tf

from pedigree.train.penalties import mixed, squared_norm_penalty, unit_norm_penalty

CHANCE = np.random.default_rng(0)
SLOPES = CHANCE.normal(0, 0.05, (4, 8, 8, 3)).astype(np.float32)
NORMS = np.sqrt((SLOPES.astype(np.float64) ** 2).sum(axis=(1, 2, 3)))


def test_squared_slope_is_the_mean_over_pictures_of_the_squared_norm() -> None:
    assert float(squared_norm_penalty(SLOPES)) == pytest.approx(np.mean(NORMS**2), rel=1e-5)


def test_unit_slope_is_the_mean_over_pictures_of_the_squared_distance_from_one() -> None:
    assert float(unit_norm_penalty(SLOPES)) == pytest.approx(np.mean((NORMS - 1) ** 2), rel=1e-5)
    assert float(unit_norm_penalty(SLOPES / NORMS[:, None, None, None])) == pytest.approx(0, abs=1e-10)
    assert float(unit_norm_penalty(np.zeros_like(SLOPES))) == 1


def test_the_gradient_of_unit_slope_pulls_towards_norm_one() -> None:
    slopes = tf.constant(SLOPES)
    with tf.GradientTape() as tape:
        tape.watch(slopes)
        penalty = unit_norm_penalty(slopes)
    norms = NORMS[:, None, None, None]
    np.testing.assert_allclose(tape.gradient(penalty, slopes), 2 * (norms - 1) * SLOPES / norms / 4, rtol=1e-4)


@pytest.mark.parametrize("penalty", [squared_norm_penalty, unit_norm_penalty])
def test_a_slope_of_zero_has_a_finite_gradient_and_spoils_no_other(penalty: object) -> None:
    slopes = tf.constant(np.concatenate([np.zeros((1, 8, 8, 3), np.float32), SLOPES[1:]]))
    with tf.GradientTape() as tape:
        tape.watch(slopes)
        value = penalty(slopes)  # type: ignore[operator]
    gradient = tape.gradient(value, slopes).numpy()
    assert np.isfinite(gradient).all()
    assert not gradient[0].any()
    assert gradient[1:].any(axis=(1, 2, 3)).all()


def test_bfloat16_slopes_are_squared_in_float32() -> None:
    rounded = tf.cast(SLOPES, tf.bfloat16)
    for penalty in (squared_norm_penalty, unit_norm_penalty):
        assert float(penalty(rounded)) == float(penalty(tf.cast(rounded, tf.float32)))


def test_mixed_pictures_lie_on_the_line_between_real_and_fake() -> None:
    real, fake = CHANCE.uniform(-1, 1, (2, 4, 8, 8, 3)).astype(np.float32)
    mixing = np.array([[0.0], [1.0], [0.25], [0.5]], np.float32)
    between = np.asarray(mixed(real, fake, mixing))
    np.testing.assert_array_equal(between[0], fake[0])
    np.testing.assert_array_equal(between[1], real[1])
    np.testing.assert_allclose(between[2], fake[2] + 0.25 * (real[2] - fake[2]), atol=1e-6)
    np.testing.assert_allclose(between[3], (real[3] + fake[3]) / 2, atol=1e-6)
