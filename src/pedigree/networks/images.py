"""Where images enter and leave a network: `(n, size, size, 3)` in [-1, 1], for grey images too."""

import keras
from keras import layers

from pedigree.networks.shapes import Shape


def generator_output(x: keras.KerasTensor, shape: Shape, activation: str = "tanh") -> keras.KerasTensor:
    """Turn a generator's last maps `(n, size, size, shape.colors)` into float32 images `(n, size, size, 3)`."""
    x = layers.Activation(activation, dtype="float32")(x)
    return x if shape.colors == 3 else layers.Concatenate(dtype="float32")([x, x, x])


def discriminator_input(image: keras.KerasTensor, shape: Shape) -> keras.KerasTensor:
    """Return an image's planes for the discriminator: `(n, size, size, 3)` → `(n, size, size, shape.colors)`."""
    return image if shape.colors == 3 else image[..., :1]
