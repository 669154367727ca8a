"""CycleGAN's networks: the layers and parameter counts of the paper and its authors' code, and how far a patch sees."""

from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers

from pedigree.networks.cyclegan import (
    build_discriminator,
    build_generator,
    build_translator,
    patch_halvings,
    residual_blocks,
)
from pedigree.networks.layer_factory import LayerFactory


def convolution(size: int, entering: int, leaving: int) -> int:
    """Return the number of weights and biases."""
    return (size * size * entering + 1) * leaving


def test_at_256_px_the_generator_has_the_weights_of_the_authors_code() -> None:
    generator = build_generator(256, 64, LayerFactory())
    ends = convolution(7, 3, 64) + convolution(7, 64, 3)
    halving = convolution(3, 64, 128) + convolution(3, 128, 256)
    doubling = convolution(3, 256, 128) + convolution(3, 128, 64)
    assert residual_blocks(256) == 9
    assert generator.count_params() == ends + halving + 18 * convolution(3, 256, 256) + doubling == 11_378_179
    assert generator.output_shape == (None, 256, 256, 3)


def test_at_256_px_the_discriminator_has_the_weights_of_the_authors_code() -> None:
    discriminator = build_discriminator(256, 64, LayerFactory())
    widths = (3, 64, 128, 256, 512, 1)
    counts = [convolution(4, entering, leaving) for entering, leaving in pairwise(widths)]
    assert discriminator.count_params() == sum(counts) == 2_764_737
    assert discriminator.output_shape == (None, 32, 32, 1)


@pytest.mark.parametrize(("size", "blocks", "halvings"), [(32, 3, 1), (64, 3, 2), (128, 6, 3), (256, 9, 3)])
def test_blocks_and_patches_grow_with_the_image(size: int, blocks: int, halvings: int) -> None:
    assert (residual_blocks(size), patch_halvings(size)) == (blocks, halvings)


@pytest.mark.parametrize("size", [16, 28, 32, 64])
def test_images_of_every_size_of_crops_keep_their_size_and_range(size: int) -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (2, size, size, 3)).astype(np.float32)
    generated = np.asarray(build_generator(size, 4, LayerFactory())(images))
    assert generated.shape == images.shape
    assert np.abs(generated).max() <= 1
    assert build_discriminator(size, 4, LayerFactory())(images).shape[0] == 2


@pytest.mark.parametrize(("size", "patch"), [(32, 16), (64, 34)])
def test_a_logit_sees_a_patch(size: int, patch: int) -> None:
    network = build_discriminator(size, 2, LayerFactory())
    kernels = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    side = 1
    for layer in reversed(kernels):
        side = (side - 1) * layer.strides[0] + layer.kernel_size[0]
    assert side == patch


def test_instance_norm_makes_images_independent_of_their_batch() -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)
    for network in (build_generator(16, 4, LayerFactory()), build_discriminator(16, 4, LayerFactory())):
        alone = np.concatenate([np.asarray(network(images[index : index + 1])) for index in range(3)])
        np.testing.assert_allclose(np.asarray(network(images)), alone, atol=1e-5)


def test_a_translator_is_both_generators_and_shares_their_weights() -> None:
    translator, generators = build_translator(16, 4, LayerFactory(keras_only=True))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    assert not any(isinstance(layer, keras.Model) for layer in translator.layers)
    generators[1].set_weights([weight * 0 for weight in generators[1].get_weights()])
    first, second = translator(images)
    np.testing.assert_array_equal(first, generators[0](images))
    assert np.abs(np.asarray(first)).max() > 0
    assert np.abs(np.asarray(second)).max() == 0
