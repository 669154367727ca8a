"""What a discriminator sees of a whole group of pictures: how much they differ."""

from typing import Any

import keras
from keras import ops

Tensor = Any

GROUP = 4  # pictures compared with each other, as in the authors' code


class MinibatchDeviation(keras.Layer):
    """Adds a map that holds, at every pixel, how much the picture's group varies.

    The standard deviation of each feature at each pixel over the group, averaged over features and pixels: one
    number a group (Karras et al., "Progressive Growing of GANs", 2018, section 3). Pictures of a generator that has
    collapsed differ less than real ones do, and so the discriminator sees it.

    A group is `GROUP` pictures that follow each other: a batch split over devices, in parts that `GROUP` divides,
    has the same groups. Pictures left over at the end are one smaller group.
    """

    def call(self, maps: Tensor) -> Tensor:
        """Map `(n, height, width, channels)` → `(n, height, width, channels + 1)`."""
        features = ops.reshape(ops.cast(maps, self.variable_dtype), (-1, maps.shape[1] * maps.shape[2] * maps.shape[3]))
        averaging = _group_means(ops.shape(maps)[0], self.variable_dtype)
        apart = ops.square(features - ops.matmul(averaging, features))
        deviation = ops.mean(ops.sqrt(ops.matmul(averaging, apart) + 1e-8), axis=1)
        told = ops.cast(ops.reshape(deviation, (-1, 1, 1, 1)), maps.dtype)
        return ops.concatenate([maps, told * ops.ones_like(maps[..., :1])], axis=-1)


def _group_means(pictures: Tensor, dtype: str) -> Tensor:
    """Return the matrix `(pictures, pictures)` whose product has the mean of its group for each picture."""
    group = ops.floor_divide(ops.arange(pictures), GROUP)
    same = ops.cast(ops.equal(group[:, None], group[None, :]), dtype)
    return same / ops.sum(same, axis=1, keepdims=True)
