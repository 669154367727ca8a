"""A lean DCGAN (Radford et al., 2015) told the breed the modern way: by conditional batch norm and by projection.

Conditional batch norm: Dumoulin et al., "A Learned Representation for Artistic Style" (2016). The discriminator has no
normalisation: a gradient penalty keeps it smooth. `channels` is the width at half the image's size; it doubles with
every halving, up to 8 times.
"""

import keras
from keras import layers

from pedigree.networks.heads import judged, with_plane
from pedigree.networks.images import painted, seen
from pedigree.networks.kit import Kit
from pedigree.networks.shapes import Shape


def build_generator(shape: Shape, kit: Kit) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    widths = _widths(shape)[::-1]
    base = shape.base
    x = kit.dense(base * base * widths[0], use_bias=False)(latent)
    x = _conditional_normalization(layers.Reshape((base, base, widths[0]))(x), breed, shape, kit)
    for width in widths[1:]:
        x = kit.transposed_conv(width, 4, strides=2, use_bias=False)(x)
        x = _conditional_normalization(x, breed, shape, kit)
    x = kit.transposed_conv(shape.colors, 4, strides=2)(x)
    return keras.Model([latent, breed], painted(x, shape), name="generator")


def build_discriminator(shape: Shape, kit: Kit, conditioning: str) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`, as `heads.judged` ends them."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = with_plane(seen(image, shape), breed, shape, kit, conditioning)
    for width in _widths(shape):
        x = layers.LeakyReLU(0.2)(kit.conv(width, 4, strides=2)(x))
    features = layers.LeakyReLU(0.2)(kit.dense(x.shape[-1], name="features")(layers.Flatten()(x)))
    scale = features.shape[-1] ** -0.5  # the sum over features begins, and learns, at the scale of one of them
    outputs = judged(features, breed, shape, kit, conditioning, projection_scale=scale)
    return keras.Model([image, breed], outputs, name="discriminator")


def _widths(shape: Shape) -> list[int]:
    """Channels from half the image's size down to the base."""
    return [shape.channels * min(2**level, 8) for level in range(shape.doublings)]


def _conditional_normalization(
    x: keras.KerasTensor, breed: keras.KerasTensor, shape: Shape, kit: Kit
) -> keras.KerasTensor:
    """Batch norm whose gain and shift belong to the breed, then ReLU."""
    width = x.shape[-1]
    gain = kit.embedding(shape.breeds, width, embeddings_initializer="zeros")(breed)
    shift = kit.embedding(shape.breeds, width, embeddings_initializer="zeros")(breed)
    x = kit.batch_norm(center=False, scale=False, momentum=0.9)(x)
    x = x * (1 + layers.Reshape((1, 1, width))(gain)) + layers.Reshape((1, 1, width))(shift)
    return layers.ReLU()(x)
