"""The networks of Huang et al., "The GAN is dead; long live the GAN! A Modern Baseline GAN" (2024): R3GAN, config E.

Each resolution has two residual blocks without normalisation: a 1×1, a grouped 3×3 and a 1×1 convolution, twice as wide
inside, with biases only before the leaky ReLUs. The generator starts from a learned 4×4 basis, whose maps are weighted
by a linear function of latent and breed. The discriminator ends with such a basis. Weights are initialised as in Fixup
(Zhang et al., 2019): the last convolution of a block with zeros, the others with standard deviation
√(2 / (1 + 0.2²)) / √fan-in times blocks^(-1/4).

Maps are resampled bilinearly, as in the paper. Its filter [1, 3, 3, 1] is a box filter of two pixels applied three
times. Upsampling is therefore nearest-neighbour upsampling followed by two averages of neighbours, and downsampling is
two averages followed by a pooling. These are Keras's own layers, without weights, and can be differentiated twice,
unlike TensorFlow's bilinear resizing.

Two things differ from the authors' code. Images end in tanh; the authors leave them linear and clip them when saving.
The projection is the one of all architectures here (`discriminator_outputs`), after the authors' last linear layer. It
adds one logit that all breeds share to the logits of the single breeds. The breeds' own rows could represent the same
sum, but while a ramp holds the breeds at zero, only the shared logit can learn.

`channels` is the width of all maps up to 32 px, 768 in the paper. Beyond 32 px, the width halves whenever the size
doubles. A group of a grouped convolution has 16 channels.
"""

from math import gcd, sqrt
from typing import Any

import keras
from keras import initializers, layers, ops

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import concatenate_to_image
from pedigree.networks.heads import discriminator_outputs, has_projection
from pedigree.networks.images import discriminator_input, generator_output
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BLOCKS = 2  # per resolution
GROUP = 16  # channels per group of a grouped convolution, if the width allows it


class GroupwiseConv2D(layers.Conv2D):
    """Keras's grouped convolution, computed as one convolution per group.

    On TensorFlow, Keras compiles a grouped convolution with XLA. Its gradients took 27 times as long on a CPU.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve each group of channels with its part of the kernel."""
        parts = zip(ops.split(inputs, self.groups, -1), ops.split(kernel, self.groups, -1), strict=True)
        return ops.concatenate([super(GroupwiseConv2D, self).convolution_op(x, own) for x, own in parts], axis=-1)


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build the model from latents `(n, latent_size)` and breeds `(n,)` to images `(n, size, size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    prototype = factory.embedding(shape.breeds, shape.latent_size, embeddings_initializer=_scaled(shape.breeds))(breed)
    base, channels = shape.base, shape.width(shape.base)
    inputs = layers.Concatenate()([latent, prototype])
    x = factory.dense(channels, use_bias=False, kernel_initializer=_scaled(inputs.shape[-1]))(inputs)
    x = _basis("nc,hwc->nhwc", (base, base, channels), fan_in=1)(x)
    for level in range(shape.doublings + 1):
        if level:
            x = upsample(_change_width(x, shape.width(base << level), factory))
        x = _blocks(x, shape, factory)
    x = factory.conv(shape.colors, 1, use_bias=False, kernel_initializer=_scaled(x.shape[-1]))(x)
    return keras.Model([latent, breed], generator_output(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` and breeds `(n,)` to logits, as in `discriminator_outputs`."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = concatenate_to_image(discriminator_input(image, shape), breed, shape, factory, conditioning)
    x = factory.conv(shape.width(shape.image_size), 1, use_bias=False, kernel_initializer=_scaled(x.shape[-1]))(x)
    for level in range(shape.doublings, -1, -1):
        x = _blocks(x, shape, factory)
        if level:
            x = _change_width(downsample(x), shape.width(shape.base << (level - 1)), factory)
    x = _basis("nhwc,hwc->nc", (x.shape[-1],), fan_in=shape.base**2)(x)
    if has_projection(conditioning):
        x = factory.dense(x.shape[-1], use_bias=False, kernel_initializer=_scaled(x.shape[-1]))(x)
    return keras.Model(
        [image, breed], discriminator_outputs(x, breed, shape, factory, conditioning), name="discriminator"
    )


def _blocks(x: keras.KerasTensor, shape: Shape, factory: LayerFactory) -> keras.KerasTensor:
    """Apply the residual blocks of one resolution."""
    gain = sqrt(2 / (1 + 0.2**2)) * (BLOCKS * (shape.doublings + 1)) ** -0.25
    narrow = x.shape[-1]
    wide, group = 2 * narrow, gcd(2 * narrow, GROUP)
    grouped = layers.Conv2D if factory.keras_only else GroupwiseConv2D
    for _ in range(BLOCKS):
        y = layers.LeakyReLU(0.2)(factory.conv(wide, 1, kernel_initializer=_scaled(narrow, gain))(x))
        y = grouped(wide, 3, padding="same", groups=wide // group, kernel_initializer=_scaled(9 * group, gain))(y)
        y = factory.conv(narrow, 1, use_bias=False, kernel_initializer="zeros")(layers.LeakyReLU(0.2)(y))
        x = layers.Add()([x, y])
    return x


def _change_width(x: keras.KerasTensor, channels: int, factory: LayerFactory) -> keras.KerasTensor:
    """Apply a 1×1 convolution to `channels` channels, if the width is another."""
    if x.shape[-1] == channels:
        return x
    return factory.conv(channels, 1, use_bias=False, kernel_initializer=_scaled(x.shape[-1]))(x)


def _basis(equation: str, output: tuple[int, ...], fan_in: int) -> keras.Layer:
    """Return a layer with one learned weight for each pixel of each of the smallest maps."""
    return layers.EinsumDense(equation, output_shape=output, kernel_initializer=_scaled(fan_in))


def upsample(x: keras.KerasTensor) -> keras.KerasTensor:
    """Upsample maps bilinearly by 2: `(n, side, side, width)` → `(n, 2 side, 2 side, width)`."""
    return _blur(layers.UpSampling2D(2)(x))


def downsample(x: keras.KerasTensor) -> keras.KerasTensor:
    """Downsample maps by 2 with the same filter: `(n, side, side, width)` → `(n, side / 2, side / 2, width)`."""
    return layers.AveragePooling2D(2)(_blur(x))


def _blur(x: keras.KerasTensor) -> keras.KerasTensor:
    """Filter with [1, 2, 1] / 4 along both axes, with zeros as padding."""
    for layer in (
        layers.ZeroPadding2D(1),
        layers.AveragePooling2D(2, strides=1),
        layers.AveragePooling2D(2, strides=1),
    ):
        x = layer(x)
    return x


def _scaled(fan_in: int, gain: float = 1.0) -> keras.initializers.Initializer:
    return initializers.RandomNormal(stddev=gain / sqrt(fan_in))


ARCHITECTURE = Architecture(build_generator, build_discriminator, spectral_norm=False)
