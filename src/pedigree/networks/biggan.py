"""BigGAN (not BigGAN-deep): Brock, Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image
Synthesis" (2019, appendix B).

The latent is split into one part for the first layer and one for each block. The batch norms of a block compute their
gain and shift from its part of the latent and from the breed's embedding, which all blocks share. Kernels and
embeddings are initialised as orthogonal matrices. Self-attention is at half the image size (64 px for the paper's
128 px), and the discriminator ends with a projection. The layer factory adds spectral normalisation to both networks.

`channels` is the paper's `ch`, which the tables below multiply. The table for 128 px is the paper's; those for 64 px
and 32 px are from the authors' PyTorch code; those for 28 px and 16 px continue them.
"""

from dataclasses import replace
from functools import partial

import keras
from keras import layers, ops

from pedigree.networks.architecture import Architecture
from pedigree.networks.attention import self_attention_at
from pedigree.networks.concatenation import concatenate_to_image
from pedigree.networks.heads import discriminator_outputs
from pedigree.networks.images import discriminator_input, generator_output
from pedigree.networks.latent_parts import split_latent
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.normalization import batch_norm, modulated_batch_norm
from pedigree.networks.residual import downsampling_block, same_size_block, upsampling_block
from pedigree.networks.shapes import Shape

EMBEDDING = 128  # numbers in a breed's embedding
# Number of doublings from the base to the image → widths as multiples of `channels`: for the generator from the base
# upwards, for the discriminator from its first block downwards.
GENERATOR = {2: (4, 4, 4), 3: (4, 4, 4, 4), 4: (16, 16, 8, 4, 2), 5: (16, 16, 8, 4, 2, 1)}
DISCRIMINATOR = {2: (4, 4, 4), 3: (4, 4, 4, 4), 4: (1, 2, 4, 8, 16), 5: (1, 2, 4, 8, 16, 16)}
HALVINGS = {2: 1, 3: 2, 4: 4, 5: 5}  # how many blocks of the discriminator halve the maps; the rest keep their size


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build the model from latents `(n, latent_size)` and breeds `(n,)` to images `(n, size, size, 3)` in [-1, 1].

    Raises:
        UsageError: the latent is too small to be split into one part per layer.
    """
    factory = replace(factory, initializer="orthogonal")
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    layers_with_latent = shape.doublings + 1
    user = f"biggan splits the latent among {layers_with_latent} layers"
    first, *parts = split_latent(latent, layers_with_latent, shape, user)
    embedded = factory.embedding(shape.breeds, EMBEDDING)(breed)
    widths = _widths(GENERATOR, shape)
    x = factory.dense(shape.base**2 * widths[0])(first)
    x = layers.Reshape((shape.base, shape.base, widths[0]))(x)
    for width, part in zip(widths[1:], parts, strict=True):
        condition = layers.Concatenate()([embedded, part])
        x = upsampling_block(x, width, factory, partial(_conditional_batch_norm, condition=condition, factory=factory))
        x = self_attention_at(x, shape.image_size // 2, factory)
    x = factory.conv(shape.colors, 3)(layers.ReLU()(batch_norm(x, factory)))
    return keras.Model([latent, breed], generator_output(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` and breeds `(n,)` to logits, as in `discriminator_outputs`."""
    factory = replace(factory, initializer="orthogonal")
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = concatenate_to_image(discriminator_input(image, shape), breed, shape, factory, conditioning)
    halvings = HALVINGS[shape.doublings]
    widths = _widths(DISCRIMINATOR, shape)
    for depth, width in enumerate(widths[:halvings]):
        x = self_attention_at(downsampling_block(x, width, factory, first=depth == 0), shape.image_size // 2, factory)
    for width in widths[halvings:]:
        x = same_size_block(x, width, factory)
    features = ops.sum(layers.ReLU()(x), axis=(1, 2))
    return keras.Model(
        [image, breed], discriminator_outputs(features, breed, shape, factory, conditioning), name="discriminator"
    )


def _widths(table: dict[int, tuple[int, ...]], shape: Shape) -> list[int]:
    return [shape.channels * multiple for multiple in table[shape.doublings]]


def _conditional_batch_norm(
    x: keras.KerasTensor, condition: keras.KerasTensor, factory: LayerFactory
) -> keras.KerasTensor:
    """Batch norm whose gain and shift are linear functions of the condition `(n, numbers)`."""
    gain, shift = (factory.dense(x.shape[-1], use_bias=False)(condition) for _ in range(2))
    return modulated_batch_norm(x, gain, shift, factory)


ARCHITECTURE = Architecture(build_generator, build_discriminator)
