"""BigGAN, not deep: Brock, Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(2019, appendix B).

The latent is split, a part for the first layer and one for each block, whose batch norms take their gain and shift
from that part beside the breed's shared embedding. Orthogonal starts, self-attention at half the picture's side (64 px
of the paper's 128), a projection in the discriminator; spectral norm on both comes with the factory. `channels` is the
paper's `ch`, which the tables below multiply: 128 px are the paper's, 64 and 32 those of its authors' PyTorch code,
and 16 and 28 px go on from 32.
"""

from dataclasses import replace
from functools import partial

import keras
from keras import layers, ops

from pedigree.errors import UsageError
from pedigree.networks.architecture import Architecture
from pedigree.networks.attention import attended_at
from pedigree.networks.concatenation import beside_picture
from pedigree.networks.heads import judged
from pedigree.networks.images import painted, seen
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.normalization import plain, told
from pedigree.networks.residual import doubling, halving, level
from pedigree.networks.shapes import Shape

EMBEDDING = 128  # numbers a breed has
# By how often the base doubles: multiples of `channels` from the base up, and from the picture's first halving down.
GENERATOR = {2: (4, 4, 4), 3: (4, 4, 4, 4), 4: (16, 16, 8, 4, 2), 5: (16, 16, 8, 4, 2, 1)}
DISCRIMINATOR = {2: (4, 4, 4), 3: (4, 4, 4, 4), 4: (1, 2, 4, 8, 16), 5: (1, 2, 4, 8, 16, 16)}
HALVINGS = {2: 1, 3: 2, 4: 4, 5: 5}  # the discriminator's blocks after these keep the side


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1].

    Raises:
        UsageError: the latent has too few numbers for a part to each block.
    """
    factory = replace(factory, initializer="orthogonal")
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    first, *parts = _parts(latent, shape)
    embedded = factory.embedding(shape.breeds, EMBEDDING)(breed)
    widths = _widths(GENERATOR, shape)
    x = factory.dense(shape.base**2 * widths[0])(first)
    x = layers.Reshape((shape.base, shape.base, widths[0]))(x)
    for width, part in zip(widths[1:], parts, strict=True):
        condition = layers.Concatenate()([embedded, part])
        x = doubling(x, width, factory, partial(_conditioned, condition=condition, factory=factory))
        x = attended_at(x, shape.image_size // 2, factory)
    x = factory.conv(shape.colors, 3)(layers.ReLU()(plain(x, factory)))
    return keras.Model([latent, breed], painted(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`, as `heads.judged` ends them."""
    factory = replace(factory, initializer="orthogonal")
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = beside_picture(seen(image, shape), breed, shape, factory, conditioning)
    halvings = HALVINGS[shape.doublings]
    widths = _widths(DISCRIMINATOR, shape)
    for depth, width in enumerate(widths[:halvings]):
        x = attended_at(halving(x, width, factory, first=depth == 0), shape.image_size // 2, factory)
    for width in widths[halvings:]:
        x = level(x, width, factory)
    features = ops.sum(layers.ReLU()(x), axis=(1, 2))
    return keras.Model([image, breed], judged(features, breed, shape, factory, conditioning), name="discriminator")


def _widths(table: dict[int, tuple[int, ...]], shape: Shape) -> list[int]:
    return [shape.channels * multiple for multiple in table[shape.doublings]]


def _parts(latent: keras.KerasTensor, shape: Shape) -> list[keras.KerasTensor]:
    """Split the latent evenly; what is left over goes to the first part."""
    blocks = shape.doublings
    size = shape.latent_size // (blocks + 1)
    if not size:
        raise UsageError(
            f"biggan splits the latent among {blocks + 1} layers at {shape.image_size} px: "
            f"train.latent_size must be at least that. Received: {shape.latent_size}"
        )
    first = shape.latent_size - blocks * size
    return list(ops.split(latent, [first + block * size for block in range(blocks)], axis=1))


def _conditioned(x: keras.KerasTensor, condition: keras.KerasTensor, factory: LayerFactory) -> keras.KerasTensor:
    """Batch norm whose gain and shift are linear in the condition, `(n, numbers)`."""
    gain, shift = (factory.dense(x.shape[-1], use_bias=False)(condition) for _ in range(2))
    return told(x, gain, shift, factory)


ARCHITECTURE = Architecture(build_generator, build_discriminator)
