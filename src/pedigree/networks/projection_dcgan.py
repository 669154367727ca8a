"""A small DCGAN (Radford et al., 2015), conditioned by conditional batch norm and by a projection discriminator.

The discriminator has no normalisation; gradient penalties keep it smooth. `channels` is the width at half the image
size. The width doubles whenever the maps halve, up to 8 times `channels`. At the full size, both networks have one more
layer than DCGAN, of half that width: with strided layers alone, the images show a fine mesh.
"""

from functools import partial

import keras
from keras import layers

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import concatenate_to_image
from pedigree.networks.heads import discriminator_outputs
from pedigree.networks.images import discriminator_input, generator_output
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.minibatch import GROUP, MinibatchDeviation
from pedigree.networks.normalization import conditional_batch_norm
from pedigree.networks.shapes import Shape


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build the model from latents `(n, latent_size)` and breeds `(n,)` to images `(n, size, size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    normalize = partial(conditional_batch_norm, breed=breed, shape=shape, factory=factory, epsilon=1e-3)
    smallest, *wider = shape.widths[::-1]
    x = factory.dense(shape.base**2 * smallest, use_bias=False)(latent)
    x = layers.ReLU()(normalize(layers.Reshape((shape.base, shape.base, smallest))(x)))
    for width in (*wider, shape.half_width):
        x = layers.ReLU()(normalize(factory.transposed_conv(width, 4, strides=2, use_bias=False)(x)))
    return keras.Model([latent, breed], generator_output(factory.conv(shape.colors, 3)(x), shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` and breeds `(n,)` to logits, as in `discriminator_outputs`.

    The logits of an image depend on the other images of its group (`minibatch.GROUP`).
    """
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = concatenate_to_image(discriminator_input(image, shape), breed, shape, factory, conditioning)
    x = layers.LeakyReLU(0.2)(factory.conv(shape.half_width, 3)(x))
    for width in shape.widths:
        x = layers.LeakyReLU(0.2)(factory.conv(width, 4, strides=2)(x))
    flat = layers.Flatten()(MinibatchDeviation()(x))
    features = layers.LeakyReLU(0.2)(factory.dense(x.shape[-1], name="features")(flat))
    scale = features.shape[-1] ** -0.5  # so that the sum over features starts and learns at the scale of one feature
    outputs = discriminator_outputs(features, breed, shape, factory, conditioning, projection_scale=scale)
    return keras.Model([image, breed], outputs, name="discriminator")


ARCHITECTURE = Architecture(build_generator, build_discriminator, group=GROUP, conditional_batch_norm=True)
