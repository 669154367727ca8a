"""CycleGAN: Zhu, Park, Isola and Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks" (2017), section 7.2 and the authors' code.

The generator is that of Johnson et al. ("Perceptual Losses", 2016): a convolution, two that halve the maps, residual
blocks, two transposed ones that double them, and a last convolution. The discriminator is a PatchGAN: each of its
logits judges one patch. Both have instance norm without gain and shift, and weights initialised from N(0, 0.02). As in
the authors' code, convolutions in front of it have biases, which it cancels.

`channels` is the width of the generator at the full image size, and of the discriminator at half of it: 64 in the
paper. What depends on the image size is that of the paper at 128 and 256 px:

| image size | residual blocks | halvings in the discriminator | side of a patch |
| --- | --- | --- | --- |
| 32 px | 3 | 1 | 16 px |
| 64 px | 3 | 2 | 34 px |
| 128 px | 6 | 3 | 70 px |
| 256 px | 9 | 3 | 70 px |
"""

from typing import Any

import keras
from keras import layers, ops

from pedigree.networks.layer_factory import LayerFactory

EPSILON = 1e-5  # of instance norm, as in the authors' code; Keras's default is 0.001
SLOPE = 0.2  # of the discriminator's LeakyReLU
HALVINGS = 2  # in the generator
WIDEST = 8  # times `channels`, in the discriminator


def residual_blocks(image_size: int) -> int:
    """Return the number of residual blocks: 3 for each doubling of the image size from 32 px, and at least 3."""
    return 3 * max(image_size.bit_length() - 6, 1)


def patch_halvings(image_size: int) -> int:
    """Return how often the discriminator halves its maps: a patch is at most about half as wide as the image."""
    return min(max(image_size.bit_length() - 5, 1), 3)


def build_generator(image_size: int, channels: int, factory: LayerFactory) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` in [-1, 1] to images of the other kind, of the same shape."""
    image = keras.Input((image_size, image_size, 3), name="image")
    return keras.Model(image, translated(image, channels, factory), name="generator")


def build_translator(
    image_size: int, channels: int, factory: LayerFactory
) -> tuple[keras.Model, tuple[keras.Model, keras.Model]]:
    """Build two generators with the same input.

    Returns:
        The model from images `(n, size, size, 3)` to a list of both generators' images, and the generators. They share
        their weights with the model, whose layers are not nested, so that a file of it can be checked.
    """
    image = keras.Input((image_size, image_size, 3), name="image")
    outputs = translated(image, channels, factory), translated(image, channels, factory)
    first, second = (keras.Model(image, output) for output in outputs)
    return keras.Model(image, list(outputs), name="translator"), (first, second)


def translated(image: keras.KerasTensor, channels: int, factory: LayerFactory) -> keras.KerasTensor:
    """Apply the layers of a generator.

    Args:
        image: `(n, size, size, 3)` in [-1, 1]. The size is a multiple of 4.
        channels: the width at the full image size.
        factory: creates the layers.

    Returns:
        Float32 images `(n, size, size, 3)` in [-1, 1].
    """
    x = _normalised_relu(_reflected_conv(image, channels, 7, factory))
    for level in range(1, HALVINGS + 1):
        x = _normalised_relu(factory.conv(channels << level, 3, strides=2, **_initial())(x))
    for _ in range(residual_blocks(image.shape[1])):
        x = _residual_block(x, factory)
    for level in reversed(range(HALVINGS)):
        x = _normalised_relu(factory.transposed_conv(channels << level, 3, strides=2, **_initial())(x))
    return layers.Activation("tanh", dtype="float32")(_reflected_conv(x, 3, 7, factory))


def build_discriminator(image_size: int, channels: int, factory: LayerFactory) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` in [-1, 1] to logits `(n, rows, columns, 1)`, one per patch.

    A logit is higher for a patch of a real image.
    """
    image = keras.Input((image_size, image_size, 3), name="image")
    x = layers.LeakyReLU(SLOPE)(factory.conv(channels, 4, strides=2, **_initial())(image))
    halvings = patch_halvings(image_size)
    for level in range(1, halvings + 1):
        width = channels * min(2**level, WIDEST)
        x = factory.conv(width, 4, strides=2 if level < halvings else 1, **_initial())(x)
        x = layers.LeakyReLU(SLOPE)(_instance_norm(x))
    logits = factory.conv(1, 4, **_initial())(x)
    return keras.Model(image, layers.Activation("linear", dtype="float32")(logits), name="discriminator")


def _residual_block(x: keras.KerasTensor, factory: LayerFactory) -> keras.KerasTensor:
    """Apply two convolutions with instance norm, the first with a ReLU, and add the input."""
    width = x.shape[-1]
    y = _normalised_relu(_reflected_conv(x, width, 3, factory))
    return layers.Add()([x, _instance_norm(_reflected_conv(y, width, 3, factory))])


def _reflected_conv(x: keras.KerasTensor, filters: int, size: int, factory: LayerFactory) -> keras.KerasTensor:
    """Apply a convolution that keeps the size of the maps, with the maps reflected at their edges in place of zeros."""
    margin = (size // 2, size // 2)
    x = ops.pad(x, ((0, 0), margin, margin, (0, 0)), mode="reflect")
    return factory.conv(filters, size, padding="valid", **_initial())(x)


def _normalised_relu(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU()(_instance_norm(x))


def _instance_norm(x: keras.KerasTensor) -> keras.KerasTensor:
    """Give each map of each image a mean of 0 and a variance of 1 (Ulyanov et al., "Instance Normalization", 2016)."""
    return layers.GroupNormalization(groups=-1, epsilon=EPSILON, center=False, scale=False)(x)


def _initial() -> dict[str, Any]:
    """Return the initializer of a kernel. It is new each time: one object repeats its values."""
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02)}
