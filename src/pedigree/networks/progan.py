"""The networks of Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and Variation" (2018).

Their layers are table 2's: a 4×4 convolution from the latent, then two 3×3 convolutions a resolution, nearest-neighbour
doubling and average pooling, leaky ReLU 0.2, pixel norm in the generator, an equalised learning rate everywhere, the
minibatch's standard deviation before the discriminator's last layers.

What is not theirs is how low resolutions come to be learned first. They grow the networks during training, a layer
faded in at a time; here skip connections do it, as in Karras et al., "Analyzing and Improving the Image Quality of
StyleGAN" (2020, section 4.1), whose choice of the two kinds this is: the generator's picture is the sum of one from
each resolution, and the discriminator's blocks are residual. There the picture takes shape from coarse to fine by
itself, with better scores. It is one graph, compiled once, with the same weights and optimizer state from the first
step to the last: so a run resumes exactly, and has no schedule of phases to be tuned. What that adds to table 2 are 1×1
convolutions alone: to colours at every resolution but the last, and beside every discriminator's block.

The breed is a one-hot vector beside the latent, both normalised together, as in the authors' code; here the vector is a
row of a fixed table, so that there are breeds between breeds. Pictures end in tanh, where theirs are cut off at ±1.

`channels` is the width of all maps up to 32 px, halved with each doubling beyond: 512 in the paper, 128 for CIFAR-10.
"""

from dataclasses import replace
from math import sqrt

import keras
from keras import layers, ops

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import beside_picture
from pedigree.networks.heads import judged
from pedigree.networks.images import painted, seen
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.minibatch import GROUP, MinibatchDeviation
from pedigree.networks.shapes import Shape

GAIN = sqrt(2)  # of kernels before a leaky ReLU; 1 before none


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1]."""
    factory = replace(factory, equalized=GAIN)
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    one_hot = factory.embedding(shape.breeds, shape.breeds, embeddings_initializer="identity", trainable=False)(breed)
    x = _pixel_norm(layers.Concatenate()([latent, one_hot]))
    x = layers.Reshape((1, 1, x.shape[-1]))(x)
    x = _normalized(factory.transposed_conv(shape.width(shape.base), shape.base, padding="valid")(x))
    x = _normalized(factory.conv(shape.width(shape.base), 3)(x))
    picture = _colors(x, shape, factory)
    for level in range(1, shape.doublings + 1):
        channels = shape.width(shape.base << level)
        x = _normalized(factory.conv(channels, 3)(layers.UpSampling2D(2)(x)))
        x = _normalized(factory.conv(channels, 3)(x))
        picture = layers.Add()([layers.UpSampling2D(2)(picture), _colors(x, shape, factory)])
    return keras.Model([latent, breed], painted(picture, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`, as `heads.judged` ends them.

    What it says of a picture depends on the others of its group (`minibatch.GROUP`).
    """
    factory = replace(factory, equalized=GAIN)
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = beside_picture(seen(image, shape), breed, shape, factory, conditioning)
    x = _leaky(factory.conv(shape.width(shape.image_size), 1)(x))
    for level in range(shape.doublings, 0, -1):
        x = _halving(x, shape.width(shape.base << (level - 1)), factory)
    x = _leaky(factory.conv(x.shape[-1], 3)(MinibatchDeviation()(x)))
    features = _leaky(factory.dense(x.shape[-1], name="features")(layers.Flatten()(x)))
    outputs = judged(features, breed, shape, replace(factory, equalized=1.0), conditioning)
    return keras.Model([image, breed], outputs, name="discriminator")


def _halving(x: keras.KerasTensor, channels: int, factory: LayerFactory) -> keras.KerasTensor:
    """Two convolutions, then half the side, beside a shortcut; the sum of both keeps the variance of one."""
    shortcut = factory.conv(channels, 1, equalized=1.0, use_bias=False)(layers.AveragePooling2D(2)(x))
    x = _leaky(factory.conv(x.shape[-1], 3)(x))
    x = layers.AveragePooling2D(2)(_leaky(factory.conv(channels, 3)(x)))
    return layers.Rescaling(sqrt(0.5))(layers.Add()([x, shortcut]))


def _colors(x: keras.KerasTensor, shape: Shape, factory: LayerFactory) -> keras.KerasTensor:
    """One resolution's part of the picture; the sum of all begins with the variance of the paper's one."""
    return factory.conv(shape.colors, 1, equalized=(shape.doublings + 1) ** -0.5)(x)


def _normalized(x: keras.KerasTensor) -> keras.KerasTensor:
    return _pixel_norm(_leaky(x))


def _pixel_norm(x: keras.KerasTensor) -> keras.KerasTensor:
    """Scale each pixel's features, the last axis, to a mean square of 1 (section 4.2)."""
    return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + 1e-8)


def _leaky(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.LeakyReLU(0.2)(x)


ARCHITECTURE = Architecture(build_generator, build_discriminator, group=GROUP)
