"""Self-attention over a map: Zhang et al., "Self-Attention Generative Adversarial Networks" (2019, section 3)."""

import keras
from keras import layers

from pedigree.networks.layer_factory import LayerFactory


def attended(x: keras.KerasTensor, factory: LayerFactory) -> keras.KerasTensor:
    """Let each place of a map see all others: `y = γ o + x`, where γ, one number that learns, starts at 0.

    As in the authors' code, queries and keys have an eighth of the channels, values half, and keys and values are
    max-pooled to a quarter of the places, which saves memory. No convolution has a bias.

    Args:
        x: maps `(n, height, width, channels)`.
        factory: the layers.

    Returns:
        Maps of the same shape.
    """
    height, width, channels = x.shape[1:]
    narrow, half = max(1, channels // 8), max(1, channels // 2)
    query = _places(factory.conv(narrow, 1, use_bias=False)(x))
    key = _places(layers.MaxPooling2D(2)(factory.conv(narrow, 1, use_bias=False)(x)))
    value = _places(layers.MaxPooling2D(2)(factory.conv(half, 1, use_bias=False)(x)))
    # The softmax loses too much in bfloat16.
    seen = layers.Attention(dtype="float32")([query, value, key])
    seen = factory.conv(channels, 1, use_bias=False)(layers.Reshape((height, width, half))(seen))
    return layers.Add()([x, _gained(seen)])


def attended_at(x: keras.KerasTensor, side: int, factory: LayerFactory) -> keras.KerasTensor:
    """Do as `attended` where the maps have `side` pixels a side; let others pass."""
    return attended(x, factory) if x.shape[1] == side else x


def _places(x: keras.KerasTensor) -> keras.KerasTensor:
    """Lay a map out as a list of places, `(n, places, channels)`."""
    return layers.Reshape((-1, x.shape[-1]))(x)


def _gained(x: keras.KerasTensor) -> keras.KerasTensor:
    """Multiply by γ: Keras's own layer with one weight is a dense one from one number to one."""
    gamma = layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    return layers.Reshape(x.shape[1:])(gamma(layers.Reshape((-1, 1))(x)))
