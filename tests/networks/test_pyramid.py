"""Laplacian pyramids, and stacks of pictures of different sides."""

import numpy as np
import pytest
import tensorflow as tf

from pedigree.networks.pyramid import enlarge, pyramid, sides, stack, unstack

CHANCE = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(8, [8]), (14, [7, 14]), (16, [8, 16]), (28, [7, 14, 28]), (32, [8, 16, 32]), (64, [8, 16, 32, 64])],
)
def test_sides_double_from_7_or_8_px(size: int, expected: list[int]) -> None:
    assert sides(size) == expected


def test_a_coarser_picture_is_the_mean_of_squares() -> None:
    image = CHANCE.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    coarsest, middle, finest = (np.asarray(picture) for picture in pyramid(image))
    np.testing.assert_array_equal(finest, image)
    for picture, times in ((middle, 2), (coarsest, 4)):
        means = image.reshape(2, 32 // times, times, 32 // times, times, 3).mean(axis=(2, 4))
        np.testing.assert_allclose(picture, means, atol=1e-6)


def test_enlarging_is_bilinear_up_to_the_edges() -> None:
    picture = CHANCE.uniform(-1, 1, (2, 7, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(enlarge(picture), tf.image.resize(picture, (14, 14)), atol=1e-6)


def test_a_stack_has_the_pictures_exactly() -> None:
    pictures = [CHANCE.uniform(-1, 1, (2, side, side, 3)).astype(np.float32) for side in (8, 16, 32)]
    stacked = stack(pictures)
    assert stacked.shape == (2, 32, 32, 9)
    for picture, unstacked in zip(pictures, unstack(stacked), strict=True):
        np.testing.assert_array_equal(picture, unstacked)


def test_grey_pictures_are_stacked_as_three_equal_planes() -> None:
    grey = CHANCE.uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32)
    np.testing.assert_array_equal(stack([grey]), np.repeat(grey, 3, axis=-1))
