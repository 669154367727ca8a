"""Bilinear resizing as two matrix products, which every backend computes and differentiates alike."""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray


class Bilinear(keras.Layer):
    """Resizes maps `(n, height, width, channels)` to `(n, side, side, channels)`. It only enlarges.

    Args:
        side: height and width of the output, in pixels.
        options: Keras's own, such as `dtype`.
    """

    def __init__(self, side: int, **options: Any) -> None:
        super().__init__(trainable=False, **options)
        self.side = side

    def call(self, inputs: Any) -> Any:
        """Resize the rows, then the columns."""
        _, height, width, channels = inputs.shape
        if (height, width) == (self.side, self.side):
            return inputs
        rows, columns = (ops.cast(bilinear_matrix(before, self.side), inputs.dtype) for before in (height, width))
        x = ops.matmul(rows, ops.reshape(inputs, (-1, height, width * channels)))
        return ops.matmul(columns, ops.reshape(x, (-1, self.side, width, channels)))


def bilinear_matrix(before: int, after: int) -> NDArray[np.float32]:
    """Return the `(after, before)` matrix that enlarges a line of pixels. Its rows sum to 1.

    The centres of pixels are at half-integers and the pixels at the ends are repeated, as in `tf.image.resize`.
    """
    centres = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(before)))
    return np.asarray(weights, np.float32)
