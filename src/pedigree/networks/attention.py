"""Self-attention over maps: Zhang et al., "Self-Attention Generative Adversarial Networks" (2019, section 3)."""

import keras
from keras import layers

from pedigree.networks.layer_factory import LayerFactory


def self_attention(x: keras.KerasTensor, factory: LayerFactory) -> keras.KerasTensor:
    """Apply self-attention: `y = γ o + x`, where o is the attention output and γ is a learned scalar that starts at 0.

    As in the authors' code, queries and keys have an eighth of the channels, values have half of them, and keys and
    values are max-pooled to a quarter of the positions to save memory. The convolutions have no bias.

    Args:
        x: feature maps `(n, height, width, channels)`.
        factory: creates the layers.

    Returns:
        Feature maps of the same shape.
    """
    height, width, channels = x.shape[1:]
    narrow, half = max(1, channels // 8), max(1, channels // 2)
    query = _flatten_positions(factory.conv(narrow, 1, use_bias=False)(x))
    key = _flatten_positions(layers.MaxPooling2D(2)(factory.conv(narrow, 1, use_bias=False)(x)))
    value = _flatten_positions(layers.MaxPooling2D(2)(factory.conv(half, 1, use_bias=False)(x)))
    # bfloat16 is not precise enough for the softmax.
    output = layers.Attention(dtype="float32")([query, value, key])
    output = factory.conv(channels, 1, use_bias=False)(layers.Reshape((height, width, half))(output))
    return layers.Add()([x, _scale_by_gamma(output)])


def self_attention_at(x: keras.KerasTensor, side: int, factory: LayerFactory) -> keras.KerasTensor:
    """Apply `self_attention` to maps of `side` × `side` pixels. Return other maps unchanged."""
    return self_attention(x, factory) if x.shape[1] == side else x


def _flatten_positions(x: keras.KerasTensor) -> keras.KerasTensor:
    """Reshape maps `(n, height, width, channels)` → `(n, height × width, channels)`."""
    return layers.Reshape((-1, x.shape[-1]))(x)


def _scale_by_gamma(x: keras.KerasTensor) -> keras.KerasTensor:
    """Multiply by γ. A dense layer from one number to one number holds it, so that no custom layer is needed."""
    gamma = layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    return layers.Reshape(x.shape[1:])(gamma(layers.Reshape((-1, 1))(x)))
