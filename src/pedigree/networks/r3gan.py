"""The networks of Huang et al., "The GAN is dead; long live the GAN! A Modern Baseline GAN" (2024): R3GAN, config E.

Residual blocks without any normalisation, 1×1 → 3×3 grouped → 1×1, twice as wide inside, biases only before the leaky
ReLUs; two a resolution. The generator begins with a learned 4×4 basis, each map of it weighed by a linear function
of latent and breed; the discriminator ends with one. Weights start as in Fixup (Zhang et al., 2019): a block's last
convolution at zero, the others at √(2 / (1 + 0.2²)) / √fan-in times blocks^(-1/4).

Maps are resampled bilinearly, as in the paper: its filter [1, 3, 3, 1] is a box of two pixels thrice, so that doubling
is nearest-neighbour doubling and two averages of neighbours, and halving two averages and a pooling. Those are Keras's
own layers, without weights, and twice differentiable, which TensorFlow's bilinear resizing is not.

Of the authors' code, two things differ. Pictures end in tanh, where theirs are left linear and cut off when saved. The
projection is that of every recipe, `heads.judged`, after their last linear layer: it has a logit shared by all breeds
beside their breeds' own, which the sum of both rows could say too, but without which a ramp would begin with nothing.

`channels` is the width of all maps up to 32 px, halved with each doubling beyond: 768 in the paper; a group has 16.
"""

from math import gcd, sqrt
from typing import Any

import keras
from keras import initializers, layers, ops

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import beside_picture
from pedigree.networks.heads import has_projection, judged
from pedigree.networks.images import painted, seen
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BLOCKS = 2  # a resolution
GROUP = 16  # channels that a grouped convolution sees, where the width allows it


class GroupwiseConv2D(layers.Conv2D):
    """Keras's grouped convolution, computed as one convolution a group.

    On TensorFlow Keras hands a grouped convolution to XLA, whose gradients took 27 times as long on a CPU.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve each group of channels with its part of the kernel."""
        parts = zip(ops.split(inputs, self.groups, -1), ops.split(kernel, self.groups, -1), strict=True)
        return ops.concatenate([super(GroupwiseConv2D, self).convolution_op(x, own) for x, own in parts], axis=-1)


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    prototype = factory.embedding(shape.breeds, shape.latent_size, embeddings_initializer=_scaled(shape.breeds))(breed)
    base, channels = shape.base, shape.width(shape.base)
    inputs = layers.Concatenate()([latent, prototype])
    x = factory.dense(channels, use_bias=False, kernel_initializer=_scaled(inputs.shape[-1]))(inputs)
    x = _basis("nc,hwc->nhwc", (base, base, channels), fan_in=1)(x)
    for level in range(shape.doublings + 1):
        if level:
            x = doubled(_linear(x, shape.width(base << level), factory))
        x = _blocks(x, shape, factory)
    x = factory.conv(shape.colors, 1, use_bias=False, kernel_initializer=_scaled(x.shape[-1]))(x)
    return keras.Model([latent, breed], painted(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`, as `heads.judged` ends them."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = beside_picture(seen(image, shape), breed, shape, factory, conditioning)
    x = factory.conv(shape.width(shape.image_size), 1, use_bias=False, kernel_initializer=_scaled(x.shape[-1]))(x)
    for level in range(shape.doublings, -1, -1):
        x = _blocks(x, shape, factory)
        if level:
            x = _linear(halved(x), shape.width(shape.base << (level - 1)), factory)
    x = _basis("nhwc,hwc->nc", (x.shape[-1],), fan_in=shape.base**2)(x)
    if has_projection(conditioning):
        x = factory.dense(x.shape[-1], use_bias=False, kernel_initializer=_scaled(x.shape[-1]))(x)
    return keras.Model([image, breed], judged(x, breed, shape, factory, conditioning), name="discriminator")


def _blocks(x: keras.KerasTensor, shape: Shape, factory: LayerFactory) -> keras.KerasTensor:
    """One resolution's residual blocks."""
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


def _linear(x: keras.KerasTensor, channels: int, factory: LayerFactory) -> keras.KerasTensor:
    """Change the width, where it changes."""
    if x.shape[-1] == channels:
        return x
    return factory.conv(channels, 1, use_bias=False, kernel_initializer=_scaled(x.shape[-1]))(x)


def _basis(equation: str, output: tuple[int, ...], fan_in: int) -> keras.Layer:
    """A learned weight for each pixel of each of the smallest maps."""
    return layers.EinsumDense(equation, output_shape=output, kernel_initializer=_scaled(fan_in))


def doubled(x: keras.KerasTensor) -> keras.KerasTensor:
    """Double the side of maps bilinearly, `(n, side, side, width)` → `(n, 2 side, 2 side, width)`."""
    return _smoothed(layers.UpSampling2D(2)(x))


def halved(x: keras.KerasTensor) -> keras.KerasTensor:
    """Halve the side of maps by the same filter, `(n, side, side, width)` → `(n, side / 2, side / 2, width)`."""
    return layers.AveragePooling2D(2)(_smoothed(x))


def _smoothed(x: keras.KerasTensor) -> keras.KerasTensor:
    """Filter by [1, 2, 1] / 4 along both axes, with zeros around the maps."""
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
