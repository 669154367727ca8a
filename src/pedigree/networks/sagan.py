"""SAGAN: Zhang, Goodfellow, Metaxas and Odena, "Self-Attention Generative Adversarial Networks" (2019).

Residual networks with self-attention at a quarter of the image size (32 px for the paper's 128 px), conditional batch
norm in the generator and a projection in the discriminator. The layer factory adds spectral normalisation to both
networks. `channels` is the width at the full image size. The width doubles whenever the maps halve, up to 16 times
`channels`. Networks for smaller images leave out the widest levels.
"""

from functools import partial

import keras
from keras import layers, ops

from pedigree.networks.architecture import Architecture
from pedigree.networks.attention import self_attention_at
from pedigree.networks.concatenation import concatenate_to_image
from pedigree.networks.heads import discriminator_outputs
from pedigree.networks.images import discriminator_input, generator_output
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.normalization import batch_norm, conditional_batch_norm
from pedigree.networks.residual import downsampling_block, same_size_block, upsampling_block
from pedigree.networks.shapes import Shape


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build the model from latents `(n, latent_size)` and breeds `(n,)` to images `(n, size, size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    widths = _widths(shape)[::-1]
    x = factory.dense(shape.base**2 * widths[0])(latent)
    x = self_attention_at(layers.Reshape((shape.base, shape.base, widths[0]))(x), shape.image_size // 4, factory)
    for width in widths[1:]:
        x = upsampling_block(
            x, width, factory, partial(conditional_batch_norm, breed=breed, shape=shape, factory=factory)
        )
        x = self_attention_at(x, shape.image_size // 4, factory)
    x = factory.conv(shape.colors, 3)(layers.ReLU()(batch_norm(x, factory)))
    return keras.Model([latent, breed], generator_output(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` and breeds `(n,)` to logits, as in `discriminator_outputs`."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = concatenate_to_image(discriminator_input(image, shape), breed, shape, factory, conditioning)
    widths = _widths(shape)[:-1]
    for depth, width in enumerate(widths):
        x = self_attention_at(downsampling_block(x, width, factory, first=depth == 0), shape.image_size // 4, factory)
    x = same_size_block(x, _widths(shape)[-1], factory)
    features = ops.sum(layers.ReLU()(x), axis=(1, 2))
    return keras.Model(
        [image, breed], discriminator_outputs(features, breed, shape, factory, conditioning), name="discriminator"
    )


def _widths(shape: Shape) -> list[int]:
    """Return the widths from the full image size down to the base."""
    return [shape.channels * min(2**depth, 16) for depth in range(shape.doublings + 1)]


ARCHITECTURE = Architecture(build_generator, build_discriminator, conditional_batch_norm=True)
