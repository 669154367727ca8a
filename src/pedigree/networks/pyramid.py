"""Laplacian pyramids (Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", 1983), and stacks of pictures.

A pyramid has the picture at each side of `sides`. A picture is the sum of its low pass, which is the coarser picture
enlarged, and a band. All pictures are `(n, side, side, colors)`.

A stack `(n, size, size, 3 k)` holds k pictures of different sides in one tensor: each is enlarged to the largest side
by repeating pixels, so that `unstack` returns exactly the same pictures.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

Tensor = Any

COARSEST = 7  # the least side of a pyramid's coarsest picture, in pixels


def sides(image_size: int) -> list[int]:
    """Return the sides of a pyramid's pictures, from the coarsest, of 7 to 13 px, to `image_size`."""
    found = [image_size]
    while found[0] >= 2 * COARSEST and found[0] % 2 == 0:
        found.insert(0, found[0] // 2)
    return found


def pyramid(image: Tensor) -> list[Tensor]:
    """Return an image `(n, size, size, colors)` at each side of `sides`, by averaging squares of four pixels."""
    pictures = [image]
    for _ in sides(image.shape[1])[1:]:
        pictures.insert(0, ops.average_pool(pictures[0], 2, 2))
    return pictures


def enlarge(picture: Tensor, **options: Any) -> Tensor:
    """Enlarge pictures by 2 bilinearly: `(n, side, side, colors)` → `(n, 2 side, 2 side, colors)`, in float32.

    The pixels at the edges are repeated. Made of Keras's own layers, without weights.

    Args:
        picture: the pictures.
        options: Keras's own for the last layer, such as `name`.
    """
    x = layers.UpSampling2D(2, dtype="float32")(_with_edges(_with_edges(picture, 1), 2))
    for _ in range(2):  # two averages of neighbours after repeating pixels are bilinear
        x = layers.AveragePooling2D(2, strides=1, dtype="float32")(x)
    return layers.Cropping2D(1, dtype="float32", **options)(x)


def _with_edges(x: Tensor, axis: int) -> Tensor:
    """Repeat the first and the last row (axis 1) or column (axis 2) once."""
    rest = x.shape[axis] - 1
    first, last = (
        layers.Cropping2D((cut, (0, 0)) if axis == 1 else ((0, 0), cut), dtype="float32")(x)
        for cut in ((0, rest), (rest, 0))
    )
    return layers.Concatenate(axis=axis, dtype="float32")([first, x, last])


def stack(pictures: Sequence[Tensor]) -> Tensor:
    """Stack pictures `(n, side, side, 3 or 1)`, from the coarsest to the finest; grey ones get three equal planes."""
    size = pictures[-1].shape[1]
    return ops.concatenate([_repeated(picture, size) for picture in pictures], axis=-1)


def unstack(stacked: keras.KerasTensor) -> list[keras.KerasTensor]:
    """Return the pictures `(n, side, side, 3)` of a stack, from the coarsest to the finest."""
    size = stacked.shape[1]
    return [
        stacked[:, :: size // side, :: size // side, 3 * level : 3 * level + 3]
        for level, side in enumerate(sides(size))
    ]


def _repeated(picture: Tensor, size: int) -> Tensor:
    """Repeat pixels up to `size`, and a single plane up to three: `(n, size, size, 3)`."""
    times = size // picture.shape[1]
    for axis, count in ((1, times), (2, times), (3, 3 // picture.shape[-1])):
        picture = ops.repeat(picture, count, axis=axis) if count > 1 else picture
    return picture
