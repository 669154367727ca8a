"""DCGAN: Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional GANs" (2016).

The layers are those of figure 1 and of the authors' code: 5×5 kernels with stride 2, batch norm everywhere except next
to the image, no biases before batch norm, and weights initialised from N(0, 0.02). The paper's GAN is unconditional,
and so is this one with a single breed and no conditioning; otherwise the breed's embedding is concatenated to the
latent. `channels` is the width at half the image size, 128 in the paper. The width doubles whenever the maps halve, up
to 8 times `channels`.
"""

from typing import Any

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
    widths = shape.widths[::-1]
    smallest = shape.base, shape.base, widths[0]
    x = factory.dense(shape.base**2 * widths[0], **_unbiased())(concatenate_to_latent(latent, breed, shape, factory))
    x = layers.Reshape(smallest)(layers.ReLU()(_batch_norm(x, factory)))
    for width in widths[1:]:
        x = layers.ReLU()(_batch_norm(factory.transposed_conv(width, 5, strides=2, **_unbiased())(x), factory))
    x = factory.transposed_conv(shape.colors, 5, strides=2, **_unbiased())(x)
    return keras.Model([latent, breed], generator_output(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` and breeds `(n,)` to logits, as in `discriminator_outputs`."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = concatenate_to_image(discriminator_input(image, shape), breed, shape, factory, conditioning)
    for level, width in enumerate(shape.widths):
        x = factory.conv(width, 5, strides=2, **_unbiased())(x)
        x = layers.LeakyReLU(0.2)(_batch_norm(x, factory) if level else x)
    return keras.Model(
        [image, breed],
        discriminator_outputs(layers.Flatten()(x), breed, shape, factory, conditioning),
        name="discriminator",
    )


def _unbiased() -> dict[str, Any]:
    """Return the options of a layer without bias. The initializer is new each time: one object repeats its values."""
    return {"use_bias": False, "kernel_initializer": keras.initializers.RandomNormal(stddev=0.02)}


def _batch_norm(x: keras.KerasTensor, factory: LayerFactory) -> keras.KerasTensor:
    gain = keras.initializers.RandomNormal(1.0, 0.02)
    return factory.batch_norm(momentum=0.9, epsilon=1e-5, gamma_initializer=gain)(x)


ARCHITECTURE = Architecture(build_generator, build_discriminator, batch_norm=True)
