"""Minibatch standard deviation: one number per group of images, independent of the other groups of the batch."""

import keras
import numpy as np
import numpy.typing as npt
import pytest

from pedigree.networks.minibatch import GROUP, MinibatchDeviation

Maps = npt.NDArray[np.float32]


def maps(count: int) -> Maps:
    return np.random.default_rng(0).standard_normal((count, 4, 4, 6)).astype(np.float32)


def with_deviation(pictures: Maps) -> Maps:
    return np.asarray(MinibatchDeviation()(pictures))


def test_maps_are_unchanged_and_one_is_added() -> None:
    pictures = maps(8)
    after = with_deviation(pictures)
    assert after.shape == (8, 4, 4, 7)
    np.testing.assert_array_equal(after[..., :6], pictures)


@pytest.mark.parametrize("count", [1, 3, 4, 6, 8])
def test_the_map_holds_the_mean_deviation_of_the_group(count: int) -> None:
    pictures = maps(count)
    groups = [pictures[start : start + GROUP] for start in range(0, count, GROUP)]
    expected = np.concatenate([np.full(len(group), group.std(axis=0).mean()) for group in groups])
    np.testing.assert_allclose(
        with_deviation(pictures)[..., 6], np.broadcast_to(expected[:, None, None], (count, 4, 4)), atol=2e-4
    )


def test_a_batch_in_parts_has_the_same_groups() -> None:
    pictures = maps(8)
    np.testing.assert_allclose(
        with_deviation(pictures),
        np.concatenate([with_deviation(pictures[:4]), with_deviation(pictures[4:])]),
        rtol=1e-6,
    )


def test_images_that_are_alike_have_a_small_deviation() -> None:
    pictures = maps(4)
    assert (
        with_deviation(np.repeat(pictures[:1], 4, axis=0))[..., 6].max() < 1e-3 < with_deviation(pictures)[..., 6].min()
    )


def test_deviation_keeps_its_precision_among_large_numbers_in_bfloat16() -> None:
    pictures = np.repeat(100 + maps(1), 4, axis=0)
    pictures[2:] += 1
    layer = MinibatchDeviation(dtype=keras.DTypePolicy("mixed_bfloat16"))
    after = layer(keras.ops.cast(pictures, "bfloat16"))
    assert after.dtype == "bfloat16"
    np.testing.assert_allclose(np.asarray(keras.ops.cast(after[..., 6], "float32")), 0.5, atol=0.1)
