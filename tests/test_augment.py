"""Differentiable augmentation: what each kind does, and that it hides nothing from the generator's gradient."""

import numpy as np
import pytest
import tensorflow as tf

from pedigree.augment import DRAWS, KINDS, augment

CHANCE = np.random.default_rng(0)
IMAGES = CHANCE.uniform(-1, 1, (6, 16, 16, 3)).astype(np.float32)
CHANCES = CHANCE.random((6, DRAWS)).astype(np.float32)


def test_no_kinds_change_nothing() -> None:
    np.testing.assert_array_equal(augment(IMAGES, CHANCES, ("flip",)), IMAGES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_is_a_function_of_its_chances(kind: str) -> None:
    once = np.asarray(augment(IMAGES, CHANCES, (kind,)))
    np.testing.assert_array_equal(once, augment(IMAGES, CHANCES, (kind,)))
    assert not np.allclose(once, IMAGES)
    assert not np.allclose(once, augment(IMAGES, 1 - CHANCES, (kind,)))


def test_neutral_chances_leave_colours_alone() -> None:
    np.testing.assert_allclose(augment(IMAGES, np.full_like(CHANCES, 0.5), ("color",)), IMAGES, atol=1e-6)


def test_translation_moves_whole_pictures_and_fills_with_grey() -> None:
    for chances, shift in (((0.0, 0.5), (2, 0)), ((0.999, 0.5), (-2, 0)), ((0.5, 0.0), (0, 2))):
        given = CHANCES.copy()
        given[:, 3:5] = chances
        moved = np.asarray(augment(IMAGES, given, ("translation",)))
        expected = np.zeros_like(IMAGES)
        rows, columns = shift
        padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2), (0, 0)))
        expected = padded[:, 2 - rows : 18 - rows, 2 - columns : 18 - columns]
        np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_cutout_blanks_half_a_side_at_most() -> None:
    blanked = np.asarray(augment(IMAGES + 3, CHANCES, ("cutout",))) == 0
    share = blanked.mean(axis=(1, 2, 3))
    assert (share > 0).all()
    assert (share <= 0.25).all()
    assert share.max() == 0.25


def test_first_and_second_derivatives_exist() -> None:
    images = tf.constant(IMAGES)
    with tf.GradientTape() as outer:
        outer.watch(images)
        with tf.GradientTape() as inner:
            inner.watch(images)
            changed = augment(images, CHANCES, KINDS)
            energy = tf.reduce_sum(changed**3)
        slope = inner.gradient(energy, images)
        steepness = tf.reduce_sum(slope**2)
    curve = outer.gradient(steepness, images)
    assert float(tf.reduce_max(tf.abs(slope))) > 0
    assert float(tf.reduce_max(tf.abs(curve))) > 0
