"""WGAN-GP: the residual networks of Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, "Improved Training of
Wasserstein GANs" (2017, appendix F), in the conditional form of their code for CIFAR-10.

In the paper, the generator doubles 4 px maps three times to 32 px, and the discriminator halves them twice to 8 px and
has two more blocks. For other sizes, the generator doubles as often as needed, and the discriminator halves down to
8 px (7 px for 28 px images). `channels` is the width of every layer, 128 in the paper. The generator has conditional
batch norm, the discriminator none.
"""

from dataclasses import replace
from functools import partial

import keras
from keras import layers, ops

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import concatenate_to_image
from pedigree.networks.heads import discriminator_outputs
from pedigree.networks.images import discriminator_input, generator_output
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.normalization import batch_norm, conditional_batch_norm
from pedigree.networks.residual import downsampling_block, same_size_block, upsampling_block
from pedigree.networks.shapes import Shape

BLOCK_INITIALIZER = "he_uniform"  # He et al. (2015), as in the authors' code


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build the model from latents `(n, latent_size)` and breeds `(n,)` to images `(n, size, size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    blocks = replace(factory, initializer=BLOCK_INITIALIZER)
    normalize = partial(conditional_batch_norm, breed=breed, shape=shape, factory=factory)
    x = factory.dense(shape.base**2 * shape.channels)(latent)
    x = layers.Reshape((shape.base, shape.base, shape.channels))(x)
    for _ in range(shape.doublings):
        x = upsampling_block(x, shape.channels, blocks, normalize)
    x = factory.conv(shape.colors, 3)(layers.ReLU()(batch_norm(x, factory)))
    return keras.Model([latent, breed], generator_output(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` and breeds `(n,)` to logits, as in `discriminator_outputs`."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    blocks = replace(factory, initializer=BLOCK_INITIALIZER)
    x = concatenate_to_image(discriminator_input(image, shape), breed, shape, factory, conditioning)
    x = downsampling_block(x, shape.channels, blocks, first=True)
    while x.shape[1] > 8:
        x = downsampling_block(x, shape.channels, blocks)
    for _ in range(2):
        x = same_size_block(x, shape.channels, blocks)
    features = ops.mean(layers.ReLU()(x), axis=(1, 2))
    return keras.Model(
        [image, breed], discriminator_outputs(features, breed, shape, factory, conditioning), name="discriminator"
    )


ARCHITECTURE = Architecture(build_generator, build_discriminator, conditional_batch_norm=True)
