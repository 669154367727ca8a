"""The conditional GAN of "Generate Dog Images with GAN" (Zhang, Huang, Ying, 2019), from which this project grew.

`channels` is the width of every convolution, 128 in the original. For its 64 px, the generator doubles the maps four
times and the discriminator halves them five times; other image sizes need more or fewer steps.
"""

import keras
from keras import layers

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import breed_plane, concatenate_to_image
from pedigree.networks.heads import discriminator_outputs
from pedigree.networks.images import discriminator_input, generator_output
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BASE_WIDTH = 256  # of the smallest map


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build the model from latents `(n, latent_size)` and breeds `(n,)` to images `(n, size, size, 3)` in [-1, 1].

    The breed's embedding becomes one more map, concatenated to the 256 maps of the latent.
    """
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    base = shape.base
    x = layers.LeakyReLU(0.2)(factory.dense(base * base * BASE_WIDTH)(latent))
    x = layers.Concatenate()([layers.Reshape((base, base, BASE_WIDTH))(x), breed_plane(breed, base, shape, factory)])
    for _ in range(shape.doublings):
        x = layers.LeakyReLU(0.2)(factory.transposed_conv(shape.channels, 4, strides=2)(x))
    return keras.Model([latent, breed], generator_output(factory.conv(shape.colors, 8)(x), shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` and breeds `(n,)` to logits, as in `discriminator_outputs`.

    There is 40 % dropout before the last layer. The breed's plane has Keras's default initializer, as in the original.
    """
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = concatenate_to_image(discriminator_input(image, shape), breed, shape, factory, conditioning, initializer=None)
    for _ in range(shape.doublings + 1):
        x = layers.LeakyReLU(0.2)(factory.conv(shape.channels, 3, strides=2)(x))
    features = layers.Dropout(0.4)(layers.Flatten()(x))
    return keras.Model(
        [image, breed], discriminator_outputs(features, breed, shape, factory, conditioning), name="discriminator"
    )


ARCHITECTURE = Architecture(build_generator, build_discriminator)
