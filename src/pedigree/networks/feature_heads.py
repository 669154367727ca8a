"""A discriminator on the features of a frozen network: Projected GAN (Sauer et al., 2021), section 3.

`mix` combines the frozen network's maps at random, so that no head can rely on a few channels. `build_feature_heads`
makes a small discriminator for each mixed map.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from pedigree.networks.bilinear import Bilinear
from pedigree.networks.breed_vectors import breed_vector
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.normalization import batch_norm

MIXED = (64, 128, 256, 512)  # channels after mixing the channels of each map, from the finest map to the coarsest
MERGED = (64, 64, 128, 256)  # channels after mixing the scales
WIDTH = 64  # channels of the heads
LOWEST = 8  # side of the maps from which a head computes its logits, in pixels


def mix(
    maps: Sequence[keras.KerasTensor], deviations: Sequence[float], across_scales: bool, chance: np.random.Generator
) -> list[keras.KerasTensor]:
    """Mix the channels of each map and, optionally, each map with the coarser ones, by frozen random convolutions.

    Mixing of scales goes from the coarsest map to the finest. Each is added to the mixed map below it, convolved, and
    enlarged to twice its side. The enlargement comes last because the convolution then costs a quarter.

    Args:
        maps: `(n, side, side, channels)` each, from the finest to the coarsest. Each has half the side of the previous.
        deviations: the standard deviation of the values of each map.
        across_scales: whether to mix the scales.
        chance: draws the kernels.

    Returns:
        Maps of the same sides with `MIXED` channels; or, with mixed scales, of twice the sides with `MERGED` channels.
    """
    mixed = [
        _convolve(each, channels, 1, deviation, chance)
        for each, channels, deviation in zip(maps, MIXED, deviations, strict=True)
    ]
    if not across_scales:
        return mixed
    merged, below = [], None
    for each, channels in zip(reversed(mixed), reversed(MERGED), strict=True):
        x = each if below is None else (each + below) * 0.5**0.5
        below = Bilinear(2 * each.shape[1])(_convolve(x, channels, 3, 1.0, chance))
        merged.append(below)
    return merged[::-1]


def _convolve(
    x: keras.KerasTensor, channels: int, size: int, deviation: float, chance: np.random.Generator
) -> keras.KerasTensor:
    """Apply a frozen random convolution that turns maps of this deviation into maps of deviation 1, about."""
    layer = layers.Conv2D(channels, size, padding="same", use_bias=False, trainable=False)
    outputs = layer(x)
    shape = (size, size, x.shape[-1], channels)
    kernel = chance.standard_normal(shape, np.float32) / (deviation * np.prod(shape[:3]) ** 0.5)
    layer.set_weights([kernel.astype(np.float32)])
    return outputs


def build_feature_heads(
    maps: Sequence[keras.KerasTensor], breeds: int, conditioned: bool, factory: LayerFactory
) -> keras.Model:
    """Build the model from mixed maps and breeds `(n,)` to a list with the logits `(n, k)` of each map.

    Each head halves its map to at most `LOWEST` pixels, with batch norm, and computes k logits from patches of 4×4. A
    logit is a linear function of the patch's features plus their projection on an embedding of the breed.

    Args:
        maps: `(n, side, side, channels)` each; only their shapes count.
        breeds: number of breeds.
        conditioned: whether the heads get the breed.
        factory: creates the layers.
    """
    inputs = [keras.Input(each.shape[1:]) for each in maps]
    breed = keras.Input((), dtype="int32", name="breed")
    logits = [_head(each, breed, breeds, conditioned, factory) for each in inputs]
    return keras.Model([*inputs, breed], logits, name="feature_heads")


def _head(
    x: keras.KerasTensor, breed: keras.KerasTensor, breeds: int, conditioned: bool, factory: LayerFactory
) -> keras.KerasTensor:
    while x.shape[1] > LOWEST:
        x = layers.LeakyReLU(0.2)(batch_norm(factory.conv(WIDTH, 4, strides=2, use_bias=False)(x), factory))
    features = factory.conv(WIDTH, 4, padding="valid" if x.shape[1] >= 4 else "same")(x)
    features = layers.Reshape((-1, WIDTH))(layers.LeakyReLU(0.2)(features))
    logit = ops.squeeze(factory.dense(1)(features), -1)
    if not conditioned:
        return layers.Activation("linear", dtype="float32")(logit)
    prototype = breed_vector(breed, breeds, WIDTH, factory, deviation=1.0)
    agreement = ops.sum(features * layers.Reshape((1, WIDTH))(prototype), axis=-1) * WIDTH**-0.5
    return layers.Add(dtype="float32")([logit, agreement])
