"""Layers that train faster in bfloat16 on a CPU than Keras's, which compute everything with oneDNN (`bench/train.py`).

A 4×4 convolution with stride 2, its transpose, and its gradient with respect to the kernel are bilinear functions. The
gradients of each are the other two. If each of the three is fast, derivatives of any order are therefore fast as well.

oneDNN is slow in three cases. Its gradient with respect to the kernel is slow for small maps. Its transposed
convolution pads a few output channels, such as those of an image, to 16. So does its convolution with a large kernel
and few output channels; `conv_by_rows` therefore computes the rows of such a kernel as separate channels first.
TensorFlow's ReLU6 of bfloat16 is slow as well.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras.layers import Dense

__all__ = ["Conv2D", "Conv2DTranspose", "Dense", "DepthwiseConv2D"]

SMALL = 8  # side of maps in pixels up to which matrix products are faster than oneDNN's kernel gradient
FEW = 4  # channels
LARGE = 5  # rows of a kernel
_SIX = 0x40C0  # the bits of 6 in bfloat16

Tensor = Any
Activation = Callable[[Tensor], Tensor]
Derivatives = Callable[[Tensor], tuple[Tensor, Tensor]]


class Conv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """Keras's layer, with faster implementations for some kernels and of ReLU6."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.activation: Activation = _fast(self.activation)

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Convolve `inputs` with `kernel`."""
        plain = self.groups == 1
        if plain and _is_4x4_strided(self) and inputs.shape[1] % 2 == inputs.shape[2] % 2 == 0:
            return strided_conv(inputs, tf.convert_to_tensor(kernel))
        if plain and _has_stride(self, 1) and self.kernel_size[0] >= LARGE and self.filters <= FEW:
            return conv_by_rows(inputs, tf.convert_to_tensor(kernel))
        return super().convolution_op(inputs, kernel)


class Conv2DTranspose(keras.layers.Conv2DTranspose):  # type: ignore[misc]
    """Keras's layer, with a faster implementation for 4×4 kernels with stride 2."""

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the transposed convolution, the bias and the activation."""
        if not _is_4x4_strided(self):
            return super().call(inputs)
        outputs = strided_conv_transpose(inputs, tf.convert_to_tensor(self.kernel))
        return self.activation(outputs + tf.convert_to_tensor(self.bias) if self.use_bias else outputs)


class DepthwiseConv2D(keras.layers.DepthwiseConv2D):  # type: ignore[misc]
    """Keras's layer, with a faster gradient with respect to its input, and a faster ReLU6."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.activation: Activation = _fast(self.activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the convolution, the bias and the activation."""
        stride = self.strides[0]
        plain = _has_stride(self, stride) and self.depth_multiplier == 1 and min(self.kernel_size) >= stride
        if not plain or inputs.shape[1] is None or inputs.shape[1] % stride or inputs.shape[2] % stride:
            return super().call(inputs)
        outputs = depthwise_conv(inputs, tf.convert_to_tensor(self.kernel), stride)
        return self.activation(outputs + tf.convert_to_tensor(self.bias) if self.use_bias else outputs)


def _fast(activation: Activation) -> Activation:
    return relu6 if activation is keras.activations.relu6 else activation


@tf.custom_gradient  # type: ignore[untyped-decorator]
def relu6(x: Tensor) -> tuple[Tensor, Activation]:
    """Limit numbers to 0..6, in half the time of `tf.nn.relu6` if they are bfloat16.

    Read as integers, floats above 0 have the same order, and those below 0 are negative. NaN becomes 0 or 6.
    """
    if x.dtype == tf.bfloat16:
        bits = tf.bitcast(x, tf.int16)
        limited = tf.bitcast(tf.clip_by_value(bits, tf.constant(0, tf.int16), tf.constant(_SIX, tf.int16)), x.dtype)
    else:
        limited = tf.nn.relu6(x)
    return limited, lambda upstream: tf.raw_ops.Relu6Grad(gradients=upstream, features=limited)


def _is_4x4_strided(layer: keras.Layer) -> bool:
    return _has_stride(layer, 2) and layer.kernel_size == (4, 4)


def _has_stride(layer: keras.Layer, stride: int) -> bool:
    return bool(layer.strides == (stride, stride) and layer.dilation_rate == (1, 1) and layer.padding == "same")


@tf.custom_gradient  # type: ignore[untyped-decorator]
def strided_conv(images: Tensor, kernel: Tensor) -> tuple[Tensor, Derivatives]:
    """Convolve images `(n, 2h, 2w, i)` with a kernel `(4, 4, i, o)` and stride 2 → maps `(n, h, w, o)`."""
    maps = tf.nn.conv2d(images, kernel, 2, "SAME")
    return maps, lambda upstream: (strided_conv_transpose(upstream, kernel), kernel_gradient(images, upstream))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def strided_conv_transpose(maps: Tensor, kernel: Tensor) -> tuple[Tensor, Derivatives]:
    """Return the gradient of `strided_conv` with respect to its images.

    Args:
        maps: `(n, h, w, o)`.
        kernel: `(4, 4, i, o)`.

    Returns:
        A tensor `(n, 2h, 2w, i)`.
    """
    images = (_transpose_to_few_channels if kernel.shape[2] <= FEW else _transpose)(maps, kernel)
    return images, lambda upstream: (strided_conv(upstream, kernel), kernel_gradient(upstream, maps))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def kernel_gradient(images: Tensor, maps: Tensor) -> tuple[Tensor, Derivatives]:
    """Return the gradient of `strided_conv` with respect to its kernel.

    Args:
        images: `(n, 2h, 2w, i)`.
        maps: `(n, h, w, o)`.

    Returns:
        A tensor `(4, 4, i, o)`.
    """
    small = maps.shape[1] <= SMALL and images.shape[-1] > FEW
    kernel = (_kernel_gradient_of_small_maps if small else _kernel_gradient)(images, maps)
    return kernel, lambda upstream: (strided_conv_transpose(maps, upstream), strided_conv(images, upstream))


def depthwise_conv(images: Tensor, kernel: Tensor, stride: int) -> Tensor:
    """Convolve each channel of `images` with its own kernel, with zeros as padding.

    Its gradient with respect to the images is computed as a depthwise convolution with the turned kernel. With a
    stride, there are zeros between the pixels of the upstream gradient. oneDNN's gradient takes four times as long.

    Args:
        images: `(n, h, w, c)`, where h and w are multiples of the stride.
        kernel: `(k, k, c, 1)`, where k is at least the stride.
        stride: 1 or more.

    Returns:
        A tensor `(n, h / stride, w / stride, c)`.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(images: Tensor, kernel: Tensor) -> tuple[Tensor, Derivatives]:
        strides = [1, stride, stride, 1]

        def derivatives(upstream: Tensor) -> tuple[Tensor, Tensor]:
            turned = _depthwise_of_gradient(upstream, kernel, stride)
            return turned, tf.nn.depthwise_conv2d_backprop_filter(images, kernel.shape, upstream, strides, "SAME")

        return tf.nn.depthwise_conv2d(images, kernel, strides, "SAME"), derivatives

    return convolve(images, kernel)


def _depthwise_of_gradient(upstream: Tensor, kernel: Tensor, stride: int) -> Tensor:
    (height, width, channels), size = upstream.shape[1:], kernel.shape[0]
    if stride > 1:
        cells = tf.reshape(upstream, (-1, height, 1, width, 1, channels))
        gap = (0, stride - 1)
        spread = tf.pad(cells, ((0, 0), (0, 0), gap, (0, 0), gap, (0, 0)))
        upstream = tf.reshape(spread, (-1, height * stride, width * stride, channels))
    before = (size - stride) // 2  # the padding of the forward convolution
    padding = size - 1 - before, before
    padded = tf.pad(upstream, ((0, 0), padding, padding, (0, 0)))
    return tf.nn.depthwise_conv2d(padded, tf.reverse(kernel, (0, 1)), [1, 1, 1, 1], "VALID")


def conv_by_rows(images: Tensor, kernel: Tensor) -> Tensor:
    """Convolve images `(n, h, w, i)` with a kernel `(rows, columns, i, o)` and stride 1 → maps `(n, h, w, o)`.

    The first convolution applies each row of the kernel separately, to `rows × o` maps. The second adds up the values
    that belong to the same pixel.
    """
    rows, columns, channels, others = kernel.shape
    single_rows = tf.reshape(tf.transpose(kernel, (1, 2, 0, 3)), (1, columns, channels, rows * others))
    summation = tf.reshape(tf.eye(rows * others, dtype=kernel.dtype), (rows * others, rows, others))
    summation = tf.transpose(summation, (1, 0, 2))[:, None]
    return tf.nn.conv2d(tf.nn.conv2d(images, single_rows, 1, "SAME"), summation, 1, "SAME")


def _transpose(maps: Tensor, kernel: Tensor) -> Tensor:
    height, width = maps.shape[1:3]
    return tf.nn.conv2d_transpose(maps, kernel, (tf.shape(maps)[0], 2 * height, 2 * width, kernel.shape[2]), 2, "SAME")


def _transpose_to_few_channels(maps: Tensor, kernel: Tensor) -> Tensor:
    """Compute the four pixels of each cell by a 2×2 convolution with stride 1, then arrange them as an image."""
    (height, width), (channels, others) = maps.shape[1:3], kernel.shape[2:]
    cells = tf.transpose(tf.reshape(kernel, (2, 2, 2, 2, channels, others)), (0, 2, 1, 3, 4, 5))
    cells = tf.reshape(cells, (2, 2, 4 * channels, others))
    size = tf.shape(maps)[0], height + 1, width + 1, 4 * channels
    return tf.nn.depth_to_space(tf.nn.conv2d_transpose(maps, cells, size, 1, "VALID"), 2)[:, 1:-1, 1:-1]


def _kernel_gradient(images: Tensor, maps: Tensor) -> Tensor:
    sizes = 4, 4, images.shape[-1], maps.shape[-1]
    return tf.raw_ops.Conv2DBackpropFilter(
        input=images, filter_sizes=sizes, out_backprop=maps, strides=[1, 2, 2, 1], padding="SAME"
    )


def _kernel_gradient_of_small_maps(images: Tensor, maps: Tensor) -> Tensor:
    """Compute the kernel as four cells of 2×2, each by one matrix product over the pixels of all maps."""
    height, width, others = maps.shape[1:]
    channels = images.shape[-1]
    cells = tf.nn.space_to_depth(tf.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0))), 2)
    flat = tf.reshape(maps, (-1, others))

    def product(row: int, column: int) -> Tensor:
        cell = tf.reshape(cells[:, row : row + height, column : column + width], (-1, 4 * channels))
        return tf.reshape(tf.matmul(cell, flat, transpose_a=True), (2, 2 * channels, others))

    rows = [tf.concat([product(row, column) for column in (0, 1)], axis=1) for row in (0, 1)]
    return tf.reshape(tf.concat(rows, axis=0), (4, 4, channels, others))
