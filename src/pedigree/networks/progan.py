"""The networks of Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and Variation" (2018).

The layers are those of table 2: a 4×4 convolution from the latent, then two 3×3 convolutions per resolution,
nearest-neighbour upsampling and average pooling, leaky ReLU with slope 0.2, pixel norm in the generator, an equalised
learning rate everywhere, and minibatch standard deviation before the discriminator's last layers.

One thing differs: how low resolutions are learned first. The paper grows the networks during training and fades in one
layer at a time. Here, skip connections have the same effect, as in Karras et al., "Analyzing and Improving the Image
Quality of StyleGAN" (2020, section 4.1), with the combination chosen there: the generator's image is the sum of one
image per resolution, and the discriminator's blocks are residual. In that paper, the image still forms from coarse to
fine, and the scores are better. The whole training uses one graph, compiled once, with the same weights and optimizer
state, so a run resumes exactly and there is no schedule of phases to tune. Compared with table 2, this adds only 1×1
convolutions: one to colours at every resolution but the last, and a shortcut beside every block of the discriminator.

The breed is a one-hot vector concatenated to the latent, and both are normalised together, as in the authors' code.
Here the vector is a row of a fixed embedding table, which makes it possible to interpolate between breeds. Images end
in tanh; the authors clip theirs to ±1.

`channels` is the width of all maps up to 32 px: 512 in the paper, 128 for CIFAR-10. Beyond 32 px, the width halves
whenever the size doubles.
"""

from dataclasses import replace
from math import sqrt

import keras
from keras import layers, ops

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import concatenate_to_image
from pedigree.networks.heads import discriminator_outputs
from pedigree.networks.images import discriminator_input, generator_output
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.minibatch import GROUP, MinibatchDeviation
from pedigree.networks.shapes import Shape

GAIN = sqrt(2)  # of kernels that are followed by a leaky ReLU; other kernels have a gain of 1


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build the model from latents `(n, latent_size)` and breeds `(n,)` to images `(n, size, size, 3)` in [-1, 1]."""
    factory = replace(factory, equalized=GAIN)
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    one_hot = factory.embedding(shape.breeds, shape.breeds, embeddings_initializer="identity", trainable=False)(breed)
    x = _pixel_norm(layers.Concatenate()([latent, one_hot]))
    x = layers.Reshape((1, 1, x.shape[-1]))(x)
    x = _leaky_pixel_norm(factory.transposed_conv(shape.width(shape.base), shape.base, padding="valid")(x))
    x = _leaky_pixel_norm(factory.conv(shape.width(shape.base), 3)(x))
    picture = _to_image(x, shape, factory)
    for level in range(1, shape.doublings + 1):
        channels = shape.width(shape.base << level)
        x = _leaky_pixel_norm(factory.conv(channels, 3)(layers.UpSampling2D(2)(x)))
        x = _leaky_pixel_norm(factory.conv(channels, 3)(x))
        picture = layers.Add()([layers.UpSampling2D(2)(picture), _to_image(x, shape, factory)])
    return keras.Model([latent, breed], generator_output(picture, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` and breeds `(n,)` to logits, as in `discriminator_outputs`.

    The logits of an image depend on the other images of its group (`minibatch.GROUP`).
    """
    factory = replace(factory, equalized=GAIN)
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = concatenate_to_image(discriminator_input(image, shape), breed, shape, factory, conditioning)
    x = _leaky(factory.conv(shape.width(shape.image_size), 1)(x))
    for level in range(shape.doublings, 0, -1):
        x = _downsampling_block(x, shape.width(shape.base << (level - 1)), factory)
    x = _leaky(factory.conv(x.shape[-1], 3)(MinibatchDeviation()(x)))
    features = _leaky(factory.dense(x.shape[-1], name="features")(layers.Flatten()(x)))
    outputs = discriminator_outputs(features, breed, shape, replace(factory, equalized=1.0), conditioning)
    return keras.Model([image, breed], outputs, name="discriminator")


def _downsampling_block(x: keras.KerasTensor, channels: int, factory: LayerFactory) -> keras.KerasTensor:
    """Two convolutions and a shortcut, both downsampled by 2. Their sum is scaled to keep the variance."""
    shortcut = factory.conv(channels, 1, equalized=1.0, use_bias=False)(layers.AveragePooling2D(2)(x))
    x = _leaky(factory.conv(x.shape[-1], 3)(x))
    x = layers.AveragePooling2D(2)(_leaky(factory.conv(channels, 3)(x)))
    return layers.Rescaling(sqrt(0.5))(layers.Add()([x, shortcut]))


def _to_image(x: keras.KerasTensor, shape: Shape, factory: LayerFactory) -> keras.KerasTensor:
    """Return one resolution's part of the image. The sum of all parts starts with the variance of the paper's image."""
    return factory.conv(shape.colors, 1, equalized=(shape.doublings + 1) ** -0.5)(x)


def _leaky_pixel_norm(x: keras.KerasTensor) -> keras.KerasTensor:
    return _pixel_norm(_leaky(x))


def _pixel_norm(x: keras.KerasTensor) -> keras.KerasTensor:
    """Scale the features of each pixel (the last axis) to a mean square of 1 (section 4.2)."""
    return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + 1e-8)


def _leaky(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.LeakyReLU(0.2)(x)


ARCHITECTURE = Architecture(build_generator, build_discriminator, group=GROUP)
