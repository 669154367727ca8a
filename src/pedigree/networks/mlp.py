"""The MLP GAN of "Generate Dog Images with GAN" (Zhang, Huang, Ying, 2019), one of the GANs this project grew from.

The original is unconditional; here the breed's embedding is concatenated to the latent. `channels` is the width of the
generator's first layer, 256 in the original. Its generator has the widths 256, 512 and 1024, its discriminator 512, 256
and 128.
"""

import keras
from keras import layers

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import concatenate_to_image, concatenate_to_latent
from pedigree.networks.heads import discriminator_outputs
from pedigree.networks.images import discriminator_input, generator_output
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build the model from latents `(n, latent_size)` and breeds `(n,)` to images `(n, size, size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    x = concatenate_to_latent(latent, breed, shape, factory)
    for width in (shape.channels, shape.channels * 2, shape.channels * 4):
        x = factory.batch_norm(momentum=0.8)(layers.LeakyReLU(0.2)(factory.dense(width)(x)))
    picture = shape.image_size, shape.image_size, shape.colors
    x = layers.Reshape(picture)(factory.dense(picture[0] * picture[1] * picture[2])(x))
    return keras.Model([latent, breed], generator_output(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` and breeds `(n,)` to logits, as in `discriminator_outputs`."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = layers.Flatten()(concatenate_to_image(discriminator_input(image, shape), breed, shape, factory, conditioning))
    for width in (shape.channels * 2, shape.channels, max(1, shape.channels // 2)):
        x = layers.LeakyReLU(0.2)(factory.dense(width)(x))
    return keras.Model(
        [image, breed], discriminator_outputs(x, breed, shape, factory, conditioning), name="discriminator"
    )


ARCHITECTURE = Architecture(build_generator, build_discriminator)
