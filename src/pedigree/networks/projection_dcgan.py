"""A lean DCGAN (Radford et al., 2015) told the breed the modern way: by conditional batch norm and by projection.

The discriminator has no normalisation: a gradient penalty keeps it smooth. `channels` is the width at half the image's
size; it doubles with every halving, up to 8 times, and is half as much at the whole size, where both networks have a
layer more than DCGAN's: pictures that strided layers alone draw and judge have a fine mesh over them.
"""

from functools import partial

import keras
from keras import layers

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import beside_picture
from pedigree.networks.heads import judged
from pedigree.networks.images import painted, seen
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.minibatch import MinibatchDeviation
from pedigree.networks.normalization import by_breed
from pedigree.networks.shapes import Shape


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    normalize = partial(by_breed, breed=breed, shape=shape, factory=factory, epsilon=1e-3)
    smallest, *wider = shape.widths[::-1]
    x = factory.dense(shape.base**2 * smallest, use_bias=False)(latent)
    x = layers.ReLU()(normalize(layers.Reshape((shape.base, shape.base, smallest))(x)))
    for width in (*wider, _half(shape)):
        x = layers.ReLU()(normalize(factory.transposed_conv(width, 4, strides=2, use_bias=False)(x)))
    return keras.Model([latent, breed], painted(factory.conv(shape.colors, 3)(x), shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`, as `heads.judged` ends them.

    What it says of a picture depends on the others of its group (`minibatch.GROUP`).
    """
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = beside_picture(seen(image, shape), breed, shape, factory, conditioning)
    x = layers.LeakyReLU(0.2)(factory.conv(_half(shape), 3)(x))
    for width in shape.widths:
        x = layers.LeakyReLU(0.2)(factory.conv(width, 4, strides=2)(x))
    flat = layers.Flatten()(MinibatchDeviation()(x))
    features = layers.LeakyReLU(0.2)(factory.dense(x.shape[-1], name="features")(flat))
    scale = features.shape[-1] ** -0.5  # the sum over features begins, and learns, at the scale of one of them
    outputs = judged(features, breed, shape, factory, conditioning, projection_scale=scale)
    return keras.Model([image, breed], outputs, name="discriminator")


def _half(shape: Shape) -> int:
    """Return the width at the whole size: at least one channel."""
    return (shape.channels + 1) // 2


ARCHITECTURE = Architecture(build_generator, build_discriminator)
