"""Where pictures enter and leave a network: always `(n, size, size, 3)` in [-1, 1], grey ones too."""

import keras
from keras import layers

from pedigree.networks.shapes import Shape


def painted(x: keras.KerasTensor, shape: Shape, activation: str = "tanh") -> keras.KerasTensor:
    """End a generator: maps `(n, size, size, shape.colors)` → float32 pictures."""
    x = layers.Activation(activation, dtype="float32")(x)
    return x if shape.colors == 3 else layers.Concatenate(dtype="float32")([x, x, x])


def seen(image: keras.KerasTensor, shape: Shape) -> keras.KerasTensor:
    """Begin a discriminator: pictures → maps `(n, size, size, shape.colors)`."""
    return image if shape.colors == 3 else image[..., :1]
