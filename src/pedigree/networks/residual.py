"""Residual blocks that upsample, downsample or keep the size of maps, as in SN-GAN, SAGAN, BigGAN and WGAN-GP.

He et al., "Identity Mappings in Deep Residual Networks" (2016), in the form of Miyato et al., "Spectral Normalization
for Generative Adversarial Networks" (2018, appendix B.4). The shortcut's 1×1 convolution and its resampling commute, so
they are applied in the cheaper order.
"""

from collections.abc import Callable

import keras
from keras import layers

from pedigree.networks.layer_factory import LayerFactory

Normalize = Callable[[keras.KerasTensor], keras.KerasTensor]


def upsampling_block(
    x: keras.KerasTensor, width: int, factory: LayerFactory, normalize: Normalize
) -> keras.KerasTensor:
    """Apply a block of a generator: nearest-neighbour upsampling and two convolutions.

    Args:
        x: maps `(n, side, side, any width)`.
        width: number of output channels.
        factory: creates the layers.
        normalize: applied to the maps before each ReLU; a batch norm, conditional or not.

    Returns:
        Maps `(n, 2 side, 2 side, width)`.
    """
    shortcut = layers.UpSampling2D(2)(factory.conv(width, 1)(x))
    x = layers.UpSampling2D(2)(layers.ReLU()(normalize(x)))
    x = factory.conv(width, 3)(x)
    x = factory.conv(width, 3)(layers.ReLU()(normalize(x)))
    return layers.Add()([x, shortcut])


def downsampling_block(
    x: keras.KerasTensor, width: int, factory: LayerFactory, normalize: Normalize | None = None, first: bool = False
) -> keras.KerasTensor:
    """Apply a block of a discriminator: two convolutions and average pooling.

    Args:
        x: maps `(n, side, side, any width)`.
        width: number of output channels.
        factory: creates the layers.
        normalize: applied to the maps before each ReLU; None means no normalisation.
        first: whether the maps are the image itself, to which no normalisation or ReLU is applied first.

    Returns:
        Maps `(n, side / 2, side / 2, width)`.
    """
    shortcut = factory.conv(width, 1)(layers.AveragePooling2D(2)(x))
    x = layers.AveragePooling2D(2)(_two_convolutions(x, width, factory, normalize, first))
    return layers.Add()([x, shortcut])


def same_size_block(
    x: keras.KerasTensor, width: int, factory: LayerFactory, normalize: Normalize | None = None
) -> keras.KerasTensor:
    """Apply a block of a discriminator that keeps the size of the maps; arguments as in `downsampling_block`.

    The shortcut has a convolution only if the width changes.
    """
    shortcut = x if x.shape[-1] == width else factory.conv(width, 1)(x)
    return layers.Add()([_two_convolutions(x, width, factory, normalize), shortcut])


def _two_convolutions(
    x: keras.KerasTensor, width: int, factory: LayerFactory, normalize: Normalize | None, first: bool = False
) -> keras.KerasTensor:
    for skip_activation in (first, False):
        if not skip_activation:
            x = layers.ReLU()(normalize(x) if normalize else x)
        x = factory.conv(width, 3)(x)
    return x
