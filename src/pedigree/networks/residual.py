"""Residual blocks that double or halve a map's side, as SN-GAN, SAGAN, BigGAN and WGAN-GP have them.

He et al., "Identity Mappings in Deep Residual Networks" (2016), in the form of Miyato et al., "Spectral Normalization
for Generative Adversarial Networks" (2018, appendix B.4). The shortcut's 1×1 convolution and resampling are done in
the cheaper order: pooling and nearest-neighbour doubling commute with it.
"""

from collections.abc import Callable

import keras
from keras import layers

from pedigree.networks.layer_factory import LayerFactory

Normalize = Callable[[keras.KerasTensor], keras.KerasTensor]


def doubling(x: keras.KerasTensor, width: int, factory: LayerFactory, normalize: Normalize) -> keras.KerasTensor:
    """A generator's block.

    Args:
        x: maps `(n, side, side, any width)`.
        width: channels that come out.
        factory: the layers.
        normalize: called on the maps before either ReLU; a batch norm, conditional or not.

    Returns:
        Maps `(n, 2 side, 2 side, width)`.
    """
    shortcut = layers.UpSampling2D(2)(factory.conv(width, 1)(x))
    x = layers.UpSampling2D(2)(layers.ReLU()(normalize(x)))
    x = factory.conv(width, 3)(x)
    x = factory.conv(width, 3)(layers.ReLU()(normalize(x)))
    return layers.Add()([x, shortcut])


def halving(
    x: keras.KerasTensor, width: int, factory: LayerFactory, normalize: Normalize | None = None, first: bool = False
) -> keras.KerasTensor:
    """A discriminator's block, by average pooling.

    Args:
        x: maps `(n, side, side, any width)`.
        width: channels that come out.
        factory: the layers.
        normalize: called on the maps before either ReLU; None: nothing is.
        first: the maps are the picture itself, which passes neither normalisation nor ReLU.

    Returns:
        Maps `(n, side / 2, side / 2, width)`.
    """
    shortcut = factory.conv(width, 1)(layers.AveragePooling2D(2)(x))
    x = layers.AveragePooling2D(2)(_two_convolutions(x, width, factory, normalize, first))
    return layers.Add()([x, shortcut])


def level(
    x: keras.KerasTensor, width: int, factory: LayerFactory, normalize: Normalize | None = None
) -> keras.KerasTensor:
    """A discriminator's block that keeps the side, with the arguments of `halving`; same width: x is the shortcut."""
    shortcut = x if x.shape[-1] == width else factory.conv(width, 1)(x)
    return layers.Add()([_two_convolutions(x, width, factory, normalize), shortcut])


def _two_convolutions(
    x: keras.KerasTensor, width: int, factory: LayerFactory, normalize: Normalize | None, first: bool = False
) -> keras.KerasTensor:
    for plunge in (first, False):
        if not plunge:
            x = layers.ReLU()(normalize(x) if normalize else x)
        x = factory.conv(width, 3)(x)
    return x
