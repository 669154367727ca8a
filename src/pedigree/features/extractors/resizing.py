"""Antialiased resizing as two matrix products, so that every backend computes the same."""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray


class Resized:
    """A Keras network with resizing in front of it, so that it takes pictures of any size."""

    def __init__(self, network: Any, size: int) -> None:
        """Wrap `network`, whose input is `(n, size, size, 3)` float32 in 0..255."""
        self._network, self._size = network, size
        self._models: dict[tuple[int, ...], Any] = {}

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the network's output for `(n, height, width, 3)` uint8 pictures."""
        shape = images.shape[1:]
        if shape not in self._models:
            inputs = keras.Input(shape, dtype="uint8")
            self._models[shape] = keras.Model(inputs, self._network(resize(ops.cast(inputs, "float32"), self._size)))
        return np.asarray(ops.convert_to_numpy(self._models[shape].predict_on_batch(images)))


def resize(images: Any, size: int) -> Any:
    """Resize `(n, height, width, 3)` float images in 0..255 to `(n, size, size, 3)`.

    Bicubic and antialiased, in float, clipped to 0..255, with the same weights as Pillow. Parmar et al. (2022, "On
    aliased resizing and surprising subtleties in GAN evaluation") recommend this for scoring.
    """
    _, height, width, channels = images.shape
    if (height, width) == (size, size):
        return images
    rows, columns = (ops.convert_to_tensor(bicubic_matrix(side, size)) for side in (height, width))
    x = ops.matmul(rows, ops.reshape(images, (-1, height, width * channels)))
    x = ops.matmul(columns, ops.reshape(x, (-1, size, width, channels)))
    return ops.clip(x, 0.0, 255.0)


def bicubic_matrix(before: int, after: int) -> NDArray[np.float32]:
    """Return the `(after, before)` matrix that resizes a line of pixels. Its rows sum to 1.

    The kernel is Keys's cubic (1981) with a = -1/2, stretched by the reduction factor when the result is smaller.
    """
    scale = before / after
    stretch = max(scale, 1.0)
    centres = (np.arange(after) + 0.5) * scale - 0.5
    weights = _cubic((np.arange(before)[None, :] - centres[:, None]) / stretch)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))
