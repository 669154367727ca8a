"""DCGAN: Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional GANs" (2016).

Layers as in figure 1 and the authors' code: 5×5 kernels of stride 2, batch norm everywhere but at the picture, no
biases beside it, starts from N(0, 0.02). The paper's is of no breed in particular, and so is this one where there is a
single breed and no conditioning; else the breed's embedding stands beside the latent. `channels` is the width at half
the image's size, 128 in the paper; it doubles with every halving, up to 8 times.
"""

from typing import Any

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
    widths = shape.widths[::-1]
    smallest = shape.base, shape.base, widths[0]
    x = factory.dense(shape.base**2 * widths[0], **_bare())(beside_latent(latent, breed, shape, factory))
    x = layers.Reshape(smallest)(layers.ReLU()(_normalized(x, factory)))
    for width in widths[1:]:
        x = layers.ReLU()(_normalized(factory.transposed_conv(width, 5, strides=2, **_bare())(x), factory))
    x = factory.transposed_conv(shape.colors, 5, strides=2, **_bare())(x)
    return keras.Model([latent, breed], painted(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`, as `heads.judged` ends them."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = beside_picture(seen(image, shape), breed, shape, factory, conditioning)
    for level, width in enumerate(shape.widths):
        x = factory.conv(width, 5, strides=2, **_bare())(x)
        x = layers.LeakyReLU(0.2)(_normalized(x, factory) if level else x)
    return keras.Model(
        [image, breed], judged(layers.Flatten()(x), breed, shape, factory, conditioning), name="discriminator"
    )


def _bare() -> dict[str, Any]:
    """Options of a layer whose bias would be batch norm's; a new initializer each time, as one draws the same twice."""
    return {"use_bias": False, "kernel_initializer": keras.initializers.RandomNormal(stddev=0.02)}


def _normalized(x: keras.KerasTensor, factory: LayerFactory) -> keras.KerasTensor:
    gain = keras.initializers.RandomNormal(1.0, 0.02)
    return factory.batch_norm(momentum=0.9, epsilon=1e-5, gamma_initializer=gain)(x)


ARCHITECTURE = Architecture(build_generator, build_discriminator, batch_norm=True)
