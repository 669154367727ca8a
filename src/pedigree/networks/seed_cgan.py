"""The conditional GAN of "Generate Dog Images with GAN" (Zhang, Huang, Ying, 2019), this project's ancestor.

`channels` is the width of every convolution, 128 in the ancestor, which drew 64 px in four doublings and judged them
in five halvings; other sizes take as many as they need.
"""

import keras
from keras import layers

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import beside_picture, plane
from pedigree.networks.heads import judged
from pedigree.networks.images import painted, seen
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BASE_WIDTH = 256  # of the smallest map


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1].

    The breed's embedding becomes one more map beside the latent's 256.
    """
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    base = shape.base
    x = layers.LeakyReLU(0.2)(factory.dense(base * base * BASE_WIDTH)(latent))
    x = layers.Concatenate()([layers.Reshape((base, base, BASE_WIDTH))(x), plane(breed, base, shape, factory)])
    for _ in range(shape.doublings):
        x = layers.LeakyReLU(0.2)(factory.transposed_conv(shape.channels, 4, strides=2)(x))
    return keras.Model([latent, breed], painted(factory.conv(shape.colors, 8)(x), shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`, as `heads.judged` ends them.

    40 % dropout before the last layer. The breed's plane starts as faint as the ancestor's.
    """
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = beside_picture(seen(image, shape), breed, shape, factory, conditioning, start=None)
    for _ in range(shape.doublings + 1):
        x = layers.LeakyReLU(0.2)(factory.conv(shape.channels, 3, strides=2)(x))
    features = layers.Dropout(0.4)(layers.Flatten()(x))
    return keras.Model([image, breed], judged(features, breed, shape, factory, conditioning), name="discriminator")


ARCHITECTURE = Architecture(build_generator, build_discriminator)
