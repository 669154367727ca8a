"""The MLP GAN of "Generate Dog Images with GAN" (Zhang, Huang, Ying, 2019), the first of this project's ancestors.

It drew dogs of no breed in particular; here the breed's embedding stands beside the latent. `channels` is the width of
the generator's first layer, 256 in the ancestor: 256, 512 and 1024 against a discriminator of 512, 256 and 128.
"""

import keras
from keras import layers

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import beside_latent, beside_picture
from pedigree.networks.heads import judged
from pedigree.networks.images import painted, seen
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    x = beside_latent(latent, breed, shape, factory)
    for width in (shape.channels, shape.channels * 2, shape.channels * 4):
        x = factory.batch_norm(momentum=0.8)(layers.LeakyReLU(0.2)(factory.dense(width)(x)))
    picture = shape.image_size, shape.image_size, shape.colors
    x = layers.Reshape(picture)(factory.dense(picture[0] * picture[1] * picture[2])(x))
    return keras.Model([latent, breed], painted(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`, as `heads.judged` ends them."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = layers.Flatten()(beside_picture(seen(image, shape), breed, shape, factory, conditioning))
    for width in (shape.channels * 2, shape.channels, max(1, shape.channels // 2)):
        x = layers.LeakyReLU(0.2)(factory.dense(width)(x))
    return keras.Model([image, breed], judged(x, breed, shape, factory, conditioning), name="discriminator")


ARCHITECTURE = Architecture(build_generator, build_discriminator)
