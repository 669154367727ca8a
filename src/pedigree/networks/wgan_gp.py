"""WGAN-GP: the residual networks of Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, "Improved Training of
Wasserstein GANs" (2017, appendix F), in the conditional form of their code for CIFAR-10.

The paper draws 32 px in three doublings of 4 px and judges them by two halvings to 8 px and two more blocks; other
sizes double as often as they need, and halve until 8 px (of 28 px: 7) are left. `channels` is the width of every
layer, 128 in the paper. Batch norm of the breed in the generator, none in the discriminator.
"""

from dataclasses import replace
from functools import partial

import keras
from keras import layers, ops

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import beside_picture
from pedigree.networks.heads import judged
from pedigree.networks.images import painted, seen
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.normalization import by_breed, plain
from pedigree.networks.residual import doubling, halving, level
from pedigree.networks.shapes import Shape

BLOCKS_START = "he_uniform"  # He et al. (2015), as in the authors' code


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    blocks = replace(factory, initializer=BLOCKS_START)
    normalize = partial(by_breed, breed=breed, shape=shape, factory=factory)
    x = factory.dense(shape.base**2 * shape.channels)(latent)
    x = layers.Reshape((shape.base, shape.base, shape.channels))(x)
    for _ in range(shape.doublings):
        x = doubling(x, shape.channels, blocks, normalize)
    x = factory.conv(shape.colors, 3)(layers.ReLU()(plain(x, factory)))
    return keras.Model([latent, breed], painted(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`, as `heads.judged` ends them."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    blocks = replace(factory, initializer=BLOCKS_START)
    x = beside_picture(seen(image, shape), breed, shape, factory, conditioning)
    x = halving(x, shape.channels, blocks, first=True)
    while x.shape[1] > 8:
        x = halving(x, shape.channels, blocks)
    for _ in range(2):
        x = level(x, shape.channels, blocks)
    features = ops.mean(layers.ReLU()(x), axis=(1, 2))
    return keras.Model([image, breed], judged(features, breed, shape, factory, conditioning), name="discriminator")


ARCHITECTURE = Architecture(build_generator, build_discriminator)
