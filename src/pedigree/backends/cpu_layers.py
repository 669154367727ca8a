"""Layers that train faster in bfloat16 on a CPU than TensorFlow's own, which leave all to oneDNN; as `bench/train.py`
shows.

A 4×4 convolution of stride 2, its transpose, and its gradient by the kernel are each linear in both of their inputs,
and the gradients of each are the other two: with each by the quickest way there is, derivatives of any order are quick
too. oneDNN's gradient by the kernel is slow for small maps, and its transpose pads a few channels, as pictures have, to
16. So does its convolution with a large kernel to a few channels: here the rows of such a kernel are channels first.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras.layers import Dense

__all__ = ["Conv2D", "Conv2DTranspose", "Dense"]

SMALL = 8  # pixels a side: up to here matrix products are quicker than oneDNN's gradient by the kernel
FEW = 4  # channels
LARGE = 5  # rows of a kernel

Tensor = Any
Derivatives = Callable[[Tensor], tuple[Tensor, Tensor]]


class Conv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """Keras's layer, for any kernel."""

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Convolve, in a quick way where there is one."""
        plain = self.groups == 1
        if plain and _halves(self) and inputs.shape[1] % 2 == inputs.shape[2] % 2 == 0:
            return halve(inputs, tf.convert_to_tensor(kernel))
        if plain and _steps(self, 1) and self.kernel_size[0] >= LARGE and self.filters <= FEW:
            return by_rows(inputs, tf.convert_to_tensor(kernel))
        return super().convolution_op(inputs, kernel)


class Conv2DTranspose(keras.layers.Conv2DTranspose):  # type: ignore[misc]
    """Keras's layer, for any kernel."""

    def call(self, inputs: Tensor) -> Tensor:
        """Convolve, in a quick way where there is one."""
        if not _halves(self):
            return super().call(inputs)
        outputs = double(inputs, tf.convert_to_tensor(self.kernel))
        return self.activation(outputs + tf.convert_to_tensor(self.bias) if self.use_bias else outputs)


def _halves(layer: keras.Layer) -> bool:
    return _steps(layer, 2) and layer.kernel_size == (4, 4)


def _steps(layer: keras.Layer, stride: int) -> bool:
    return bool(layer.strides == (stride, stride) and layer.dilation_rate == (1, 1) and layer.padding == "same")


@tf.custom_gradient  # type: ignore[untyped-decorator]
def halve(images: Tensor, kernel: Tensor) -> tuple[Tensor, Derivatives]:
    """Convolve images `(n, 2h, 2w, i)` with a kernel `(4, 4, i, o)`: maps `(n, h, w, o)`."""
    maps = tf.nn.conv2d(images, kernel, 2, "SAME")
    return maps, lambda slope: (double(slope, kernel), by_kernel(images, slope))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def double(maps: Tensor, kernel: Tensor) -> tuple[Tensor, Derivatives]:
    """Return the gradient of `halve` by its images: maps `(n, h, w, o)`, kernel `(4, 4, i, o)` → `(n, 2h, 2w, i)`."""
    images = (_double_few if kernel.shape[2] <= FEW else _double)(maps, kernel)
    return images, lambda slope: (halve(slope, kernel), by_kernel(slope, maps))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def by_kernel(images: Tensor, maps: Tensor) -> tuple[Tensor, Derivatives]:
    """Return the gradient of `halve` by its kernel: images `(n, 2h, 2w, i)`, maps `(n, h, w, o)` → `(4, 4, i, o)`."""
    small = maps.shape[1] <= SMALL and images.shape[-1] > FEW
    kernel = (_by_kernel_small if small else _by_kernel)(images, maps)
    return kernel, lambda slope: (double(maps, slope), halve(images, slope))


def by_rows(images: Tensor, kernel: Tensor) -> Tensor:
    """Convolve images `(n, h, w, i)` with a kernel `(rows, columns, i, o)`, stride 1: maps `(n, h, w, o)`.

    First to `rows × o` maps, each row of the kernel by itself; then those that meet in a pixel are added up.
    """
    rows, columns, channels, others = kernel.shape
    apart = tf.reshape(tf.transpose(kernel, (1, 2, 0, 3)), (1, columns, channels, rows * others))
    meeting = tf.reshape(tf.eye(rows * others, dtype=kernel.dtype), (rows * others, rows, others))
    meeting = tf.transpose(meeting, (1, 0, 2))[:, None]
    return tf.nn.conv2d(tf.nn.conv2d(images, apart, 1, "SAME"), meeting, 1, "SAME")


def _double(maps: Tensor, kernel: Tensor) -> Tensor:
    height, width = maps.shape[1:3]
    return tf.nn.conv2d_transpose(maps, kernel, (tf.shape(maps)[0], 2 * height, 2 * width, kernel.shape[2]), 2, "SAME")


def _double_few(maps: Tensor, kernel: Tensor) -> Tensor:
    """By a 2×2 convolution of stride 1 to the four pixels of each cell, which are then put into their places."""
    (height, width), (channels, others) = maps.shape[1:3], kernel.shape[2:]
    cells = tf.transpose(tf.reshape(kernel, (2, 2, 2, 2, channels, others)), (0, 2, 1, 3, 4, 5))
    cells = tf.reshape(cells, (2, 2, 4 * channels, others))
    size = tf.shape(maps)[0], height + 1, width + 1, 4 * channels
    return tf.nn.depth_to_space(tf.nn.conv2d_transpose(maps, cells, size, 1, "VALID"), 2)[:, 1:-1, 1:-1]


def _by_kernel(images: Tensor, maps: Tensor) -> Tensor:
    sizes = 4, 4, images.shape[-1], maps.shape[-1]
    return tf.raw_ops.Conv2DBackpropFilter(
        input=images, filter_sizes=sizes, out_backprop=maps, strides=[1, 2, 2, 1], padding="SAME"
    )


def _by_kernel_small(images: Tensor, maps: Tensor) -> Tensor:
    """By a matrix product over all maps' pixels for each of the four cells, of 2×2, under the kernel."""
    height, width, others = maps.shape[1:]
    channels = images.shape[-1]
    cells = tf.nn.space_to_depth(tf.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0))), 2)
    flat = tf.reshape(maps, (-1, others))

    def product(row: int, column: int) -> Tensor:
        cell = tf.reshape(cells[:, row : row + height, column : column + width], (-1, 4 * channels))
        return tf.reshape(tf.matmul(cell, flat, transpose_a=True), (2, 2 * channels, others))

    rows = [tf.concat([product(row, column) for column in (0, 1)], axis=1) for row in (0, 1)]
    return tf.reshape(tf.concat(rows, axis=0), (4, 4, channels, others))
