"""Differentiable augmentation: the effect of each kind, its frequency, and its second derivatives."""

import numpy as np
import pytest
import tensorflow as tf

from pedigree.train.augmentation import GATE, KINDS, adapted, augment, draws, layout

CHANCE = np.random.default_rng(0)
IMAGES = CHANCE.uniform(-1, 1, (6, 16, 16, 3)).astype(np.float32)
CHANCES = CHANCE.random((6, draws(KINDS))).astype(np.float32)


def of(kind: str, images: np.ndarray, chances: np.ndarray, strength: object = 1.0) -> np.ndarray:
    """Apply one kind of augmentation, with its columns of `chances` `(n, draws(KINDS))`."""
    return np.asarray(augment(images, chances[:, layout(KINDS)[kind]], (kind,), strength))


def with_numbers(kind: str, values: object) -> np.ndarray:
    """Return CHANCES with the numbers of one kind replaced, but not its gates."""
    changed, columns = CHANCES.copy(), layout(KINDS)[kind]
    changed[:, columns.start + GATE : columns.stop] = values
    return changed


def visible(count: int) -> np.ndarray:
    """Return random chances whose shifts and cutouts are visible in any image."""
    chances = CHANCE.random((count, draws(KINDS))).astype(np.float32)
    for kind in ("translation", "cutout"):
        chances[:, layout(KINDS)[kind]][:, GATE:] = 0.1
    return chances


def with_gates(chances: np.ndarray, value: float) -> np.ndarray:
    """Return `chances` with every gate replaced."""
    changed = chances.copy()
    changed[:, [columns.start for columns in layout(KINDS).values()]] = value
    return changed


def test_without_kinds_images_are_unchanged() -> None:
    np.testing.assert_array_equal(augment(IMAGES, CHANCES[:, :0], ("flip",), 1.0), IMAGES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_is_a_function_of_its_chances(kind: str) -> None:
    once = of(kind, IMAGES, CHANCES)
    np.testing.assert_array_equal(once, of(kind, IMAGES, CHANCES))
    assert not np.allclose(once, IMAGES)
    assert not np.allclose(once, of(kind, IMAGES, 1 - CHANCES))


def test_neutral_chances_do_not_change_colours() -> None:
    np.testing.assert_allclose(of("color", IMAGES, np.full_like(CHANCES, 0.5)), IMAGES, atol=1e-6)


def test_colours_change_in_brightness_then_saturation_then_contrast() -> None:
    brightness, saturation, contrast = (
        CHANCES[:, layout(KINDS)["color"]][:, GATE + i].astype(np.float64).reshape(-1, 1, 1, 1) for i in range(3)
    )
    expected = IMAGES + (brightness - 0.5)
    grey = expected.mean(axis=3, keepdims=True)
    expected = grey + (expected - grey) * 2 * saturation
    level = expected.mean(axis=(1, 2, 3), keepdims=True)
    expected = level + (expected - level) * (contrast + 0.5)
    np.testing.assert_allclose(of("color", IMAGES, CHANCES), expected, atol=1e-5)


def test_translation_moves_whole_pictures_and_fills_with_grey() -> None:
    for chances, shift in (((0.0, 0.5), (2, 0)), ((0.999, 0.5), (-2, 0)), ((0.5, 0.0), (0, 2))):
        moved = of("translation", IMAGES, with_numbers("translation", chances))
        rows, columns = shift
        padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2), (0, 0)))
        expected = padded[:, 2 - rows : 18 - rows, 2 - columns : 18 - columns]
        np.testing.assert_array_equal(moved, expected)


@pytest.mark.parametrize("kind", ["translation", "cutout"])
def test_all_pictures_of_a_stack_change_in_the_same_way(kind: str) -> None:
    stacks = np.concatenate([IMAGES, -2 * IMAGES], axis=-1)
    changed = of(kind, IMAGES, CHANCES)
    np.testing.assert_array_equal(of(kind, stacks, CHANCES), np.concatenate([changed, -2 * changed], axis=-1))


def test_cutout_blanks_a_square_of_half_the_side_cut_off_at_the_edge() -> None:
    centres = np.array([[0.5, 0.5], [0.5, 0.0], *CHANCE.random((4, 2))])
    blanked = of("cutout", IMAGES + 3, with_numbers("cutout", centres)) == 0
    rows, columns = blanked[0].any(axis=(1, 2)), blanked[0].any(axis=(0, 2))
    np.testing.assert_array_equal(np.flatnonzero(rows), range(4, 12))
    np.testing.assert_array_equal(np.flatnonzero(columns), range(4, 12))
    share = blanked.mean(axis=(1, 2, 3))
    np.testing.assert_array_equal(share[:2], [0.25, 0.125])
    assert (share > 0).all()
    assert (share <= 0.25).all()


def test_strength_zero_does_not_change_images() -> None:
    open_gates = with_gates(CHANCES, 0.0)  # the smallest value of a gate
    np.testing.assert_array_equal(augment(IMAGES, open_gates, KINDS, tf.constant(0.0)), IMAGES)


@pytest.mark.parametrize("kind", KINDS)
def test_at_full_strength_gates_have_no_effect(kind: str) -> None:
    shut = with_gates(CHANCES, np.nextafter(np.float32(1), np.float32(0)))
    full = tf.constant(1.0)
    np.testing.assert_array_equal(of(kind, IMAGES, shut, full), of(kind, IMAGES, CHANCES, full))


@pytest.mark.parametrize("kind", KINDS)
def test_the_share_of_changed_images_is_the_strength(kind: str) -> None:
    images = CHANCE.uniform(0.1, 1, (4000, 8, 8, 3)).astype(np.float32)
    changed = (of(kind, images, visible(4000), tf.constant(0.3)) != images).any(axis=(1, 2, 3))
    assert abs(changed.mean() - 0.3) < 4 * (0.3 * 0.7 / 4000) ** 0.5


def test_kinds_are_applied_independently() -> None:
    images = np.ones((4000, 8, 8, 3), np.float32)
    chances = visible(4000)
    changed = [of(kind, images, chances, 0.5) != images for kind in KINDS]
    correlations = np.corrcoef([pixels.any(axis=(1, 2, 3)) for pixels in changed])
    assert np.abs(correlations - np.eye(3)).max() < 4 / 4000**0.5


def test_second_derivatives_agree_with_finite_differences() -> None:
    direction = CHANCE.normal(size=IMAGES.shape).astype(np.float32)
    weights = CHANCE.normal(size=IMAGES.shape).astype(np.float32)

    def gradient(images: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            energy = tf.reduce_sum(weights * augment(images, CHANCES, KINDS, tf.constant(0.7)) ** 3)
        return tape.gradient(energy, images)

    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        along = tf.reduce_sum(gradient(images) * direction)
    curvature = tape.gradient(along, images)
    # These differences are exact, because the gradient is quadratic.
    differences = gradient(images + 0.5 * direction) - gradient(images - 0.5 * direction)
    assert float(tf.reduce_max(tf.abs(curvature))) > 1
    np.testing.assert_allclose(curvature, differences, atol=2e-4)


def test_strength_rises_while_the_discriminator_overfits_and_falls_otherwise() -> None:
    signs = np.linspace(-1, 1, 9, dtype=np.float32)
    after = [float(adapted(tf.constant(0.5), tf.constant(sign), 0.6, images=64, speed=6400)) for sign in signs]
    np.testing.assert_allclose(after, np.where(signs > 0.6, 0.51, 0.49), rtol=1e-6)
    assert after == sorted(after)
    assert float(adapted(tf.constant(0.5), tf.constant(0.5), 0.5, images=64, speed=6400)) == 0.5


def test_strength_goes_from_zero_to_one_in_the_given_number_of_images_and_no_further() -> None:
    strength = tf.constant(0.0)
    for _ in range(24):
        strength = adapted(strength, tf.constant(1.0), 0.6, images=50, speed=1200)
    assert float(strength) == pytest.approx(1, abs=1e-5)
    assert float(adapted(strength, tf.constant(1.0), 0.6, images=50, speed=1200)) == 1
    for _ in range(30):
        strength = adapted(strength, tf.constant(0.0), 0.6, images=50, speed=1200)
    assert float(strength) == 0
