"""Minibatch standard deviation: a discriminator's measure of how much the images of a group differ."""

from typing import Any

import keras
from keras import ops

Tensor = Any

GROUP = 4  # images compared with each other, as in the authors' code


class MinibatchDeviation(keras.Layer):
    """Adds a feature map that holds, at every pixel, how much the images of the group vary.

    The value is the standard deviation of each feature at each pixel over the group, averaged over features and pixels:
    one number per group (Karras et al., "Progressive Growing of GANs", 2018, section 3). The images of a collapsed
    generator vary less than real ones, and this lets the discriminator detect it.

    A group is `GROUP` consecutive images. A batch that is split over devices, in parts that are multiples of `GROUP`,
    therefore has the same groups. Images left over at the end form a smaller group.
    """

    def call(self, maps: Tensor) -> Tensor:
        """Add the map: `(n, height, width, channels)` → `(n, height, width, channels + 1)`."""
        features = ops.reshape(ops.cast(maps, self.variable_dtype), (-1, maps.shape[1] * maps.shape[2] * maps.shape[3]))
        averaging = _averaging_matrix(ops.shape(maps)[0], self.variable_dtype)
        squares = ops.square(features - ops.matmul(averaging, features))
        deviation = ops.mean(ops.sqrt(ops.matmul(averaging, squares) + 1e-8), axis=1)
        deviation = ops.cast(ops.reshape(deviation, (-1, 1, 1, 1)), maps.dtype)
        return ops.concatenate([maps, deviation * ops.ones_like(maps[..., :1])], axis=-1)


def _averaging_matrix(count: Tensor, dtype: str) -> Tensor:
    """Return the matrix `(count, count)` that replaces each row of a `(count, …)` matrix by the mean of its group."""
    group = ops.floor_divide(ops.arange(count), GROUP)
    same = ops.cast(ops.equal(group[:, None], group[None, :]), dtype)
    return same / ops.sum(same, axis=1, keepdims=True)
