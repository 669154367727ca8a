"""Convolutions with a kernel of its own for each breed, as branches of a network that are shared by no two breeds.

The kernels are rows of a table, and an image is convolved with the row of its breed: one matrix product per image, then
sums or rearrangements of its results. Everything is Keras's own.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import initializers, layers, ops

from pedigree.networks.layer_factory import LayerFactory

SIZE = 3  # of the kernel of `breed_conv`


def breed_conv(
    x: keras.KerasTensor, breed: keras.KerasTensor, breeds: int, channels: int, factory: LayerFactory
) -> keras.KerasTensor:
    """Convolve maps with the breed's 3×3 kernel and add its bias: `(n, side, side, width)` → `(…, channels)`.

    Args:
        x: the maps.
        breed: breed indices `(n,)`.
        breeds: number of breeds.
        channels: channels of the result.
        factory: creates the layers.
    """
    inputs = x.shape[-1]
    fan_in = SIZE**2 * inputs
    if inputs < channels:  # the shifts take most of the time, so they are applied where there are fewer channels
        result = _matrix_product(
            layers.Concatenate()(_shifted([x] * SIZE**2)), breed, breeds, channels, fan_in, factory
        )
    else:
        products = _matrix_product(x, breed, breeds, SIZE**2 * channels, fan_in, factory)
        result = layers.Add()(_shifted(ops.split(products, SIZE**2, axis=-1)))
    bias = factory.embedding(breeds, channels, embeddings_initializer="zeros")(breed)
    return layers.Add()([result, layers.Reshape((1, 1, channels))(bias)])


def breed_upsampling(
    x: keras.KerasTensor, breed: keras.KerasTensor, breeds: int, channels: int, factory: LayerFactory
) -> keras.KerasTensor:
    """Apply a transposed convolution with the breed's 2×2 kernel and stride 2, without bias.

    Args:
        x: maps `(n, side, side, width)`.
        breed: breed indices `(n,)`.
        breeds: number of breeds.
        channels: channels of the result.
        factory: creates the layers.

    Returns:
        Maps `(n, 2 side, 2 side, channels)`.
    """
    height, width = x.shape[1:3]
    products = _matrix_product(x, breed, breeds, 4 * channels, x.shape[-1], factory)
    cells = ops.transpose(layers.Reshape((height, width, 2, 2, channels))(products), (0, 1, 3, 2, 4, 5))
    return layers.Reshape((2 * height, 2 * width, channels))(cells)


def _shifted(maps: Sequence[keras.KerasTensor]) -> list[keras.KerasTensor]:
    """Shift maps, one for each pixel of a kernel, so that this pixel's neighbour is at its centre. Zeros are added."""
    return [
        layers.Cropping2D(((row, SIZE - 1 - row), (column, SIZE - 1 - column)))(layers.ZeroPadding2D(1)(each))
        for (row, column), each in zip(np.ndindex(SIZE, SIZE), maps, strict=True)
    ]


def _matrix_product(
    x: keras.KerasTensor, breed: keras.KerasTensor, breeds: int, outputs: int, fan_in: int, factory: LayerFactory
) -> keras.KerasTensor:
    """Multiply each pixel with the breed's matrix: `(n, height, width, inputs)` → `(n, height, width, outputs)`.

    All matrices start equal, at the scale of a convolution in which `fan_in` values are added up.
    """
    height, width, inputs = x.shape[1:]
    start = initializers.RandomNormal(stddev=fan_in**-0.5)
    table = factory.embedding(breeds, inputs * outputs, spectral=True, around_mean=True, embeddings_initializer=start)
    kernel = layers.Reshape((inputs, outputs))(table(breed))
    rows, *others = table.get_weights()
    table.set_weights([np.broadcast_to(rows[:1], rows.shape), *others])
    products = ops.matmul(layers.Reshape((height * width, inputs))(x), kernel)
    return layers.Reshape((height, width, outputs))(products)
