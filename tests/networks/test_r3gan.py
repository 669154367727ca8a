"""R3GAN: its paper's sizes, its resampling, its initializers, and grouped convolutions computed group by group."""

import dataclasses
from collections import Counter

import keras
import numpy as np
import numpy.typing as npt
import pytest
from conftest import recipe_settings

from networks.test_networks import kernels, learned
from pedigree.errors import UsageError
from pedigree.networks import r3gan
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.reparametrization import effective_weights
from pedigree.networks.shapes import Shape
from pedigree.train.compatibility import check

FFHQ = Shape(image_size=256, colors=3, latent_size=64, breeds=1, channels=768)
CIFAR = Shape(image_size=32, colors=3, latent_size=64, breeds=10, channels=768)
SMALL = Shape(image_size=16, colors=3, latent_size=12, breeds=3, channels=16)

WIDTHS = {4: 768, 8: 768, 16: 768, 32: 768, 64: 384, 128: 192, 256: 96}


def blocks(side: int, width: int) -> Counter[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return the kernels of two blocks: twice as wide inside, 16 channels per group."""
    inside = (side, side, 2 * width)
    return Counter(
        {
            ((1, 1, width, 2 * width), inside): 2,
            ((3, 3, 16, 2 * width), inside): 2,
            ((1, 1, 2 * width, width), (side, side, width)): 2,
        }
    )


def test_the_generator_is_config_e_at_256_px() -> None:
    network = r3gan.build_generator(FFHQ, LayerFactory())
    expected: Counter[tuple[tuple[int, ...], tuple[int, ...]]] = Counter(
        {((128, 768), (768,)): 1, ((1, 1, 96, 3), (256, 256, 3)): 1}
    )
    for side, width in WIDTHS.items():
        expected += blocks(side, width)
        if width != 768:  # before the maps are upsampled
            expected[(1, 1, 2 * width, width), (side // 2, side // 2, width)] += 1
    assert kernels(network) == expected
    breed = 64 + 64 * 768  # the embedding's single row and its part of the first layer: FFHQ has no labels
    assert learned(network) - breed == 23_057_952  # the paper: 23.058M


def test_the_discriminator_is_config_e_at_256_px() -> None:
    network = r3gan.build_discriminator(FFHQ, LayerFactory(), "none")
    expected: Counter[tuple[tuple[int, ...], tuple[int, ...]]] = Counter(
        {((768, 1), (1,)): 1, ((1, 1, 3, 96), (256, 256, 96)): 1}
    )
    for side, width in WIDTHS.items():
        expected += blocks(side, width)
        if width != 768:  # after the maps are downsampled
            expected[(1, 1, width, 2 * width), (side // 2, side // 2, 2 * width)] += 1
    assert kernels(network) == expected
    assert learned(network) == 23_009_568 + 1  # the paper: 23.010M, without the logit's bias


def test_labels_add_the_authors_parameters_and_a_shared_logit() -> None:
    block = 2 * 768 * 1536 + 9 * 16 * 1536 + 2 * 1536
    generator = r3gan.build_generator(CIFAR, LayerFactory())
    assert learned(generator) == 8 * block + 16 * 768 + (64 + 64) * 768 + 768 * 3 + 10 * 64
    discriminator = r3gan.build_discriminator(CIFAR, LayerFactory(), "projection")
    authors = 8 * block + 768 * 3 + 16 * 768 + 768 * 768 + 10 * 768
    assert learned(discriminator) == authors + 768 + 1


def test_blocks_start_as_the_identity() -> None:
    network = r3gan.build_generator(SMALL, LayerFactory())
    inner = [layer for layer in network.layers if isinstance(layer, r3gan.GroupwiseConv2D)]
    before = drawn(network)
    for layer in inner:
        layer.set_weights([weight + 1 for weight in layer.get_weights()])
    np.testing.assert_array_equal(drawn(network), before)


def test_kernels_are_initialised_at_the_papers_scale() -> None:
    network = r3gan.build_discriminator(dataclasses.replace(CIFAR, channels=64), LayerFactory(), "projection")
    gain = (2 / (1 + 0.2**2)) ** 0.5 * 8**-0.25  # eight blocks
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    for first, second, last in zip(convolutions[1::3], convolutions[2::3], convolutions[3::3], strict=True):
        assert float(np.std(first.kernel)) == pytest.approx(gain / 64**0.5, rel=0.05)
        assert float(np.std(second.kernel)) == pytest.approx(gain / (9 * 16) ** 0.5, rel=0.05)
        assert not np.any(last.kernel)


@pytest.mark.parametrize("size", [4, 7])
def test_upsampling_and_downsampling_filter_with_1_3_3_1(size: int) -> None:
    line = np.random.default_rng(0).standard_normal(2 * size).astype(np.float32)
    spread = np.zeros(4 * size)
    spread[::2] = line
    np.testing.assert_allclose(
        resampled(r3gan.upsample, line), np.convolve(spread, [0.25, 0.75, 0.75, 0.25])[1:-2], atol=1e-6
    )
    np.testing.assert_allclose(
        resampled(r3gan.downsample, line), np.convolve(line, [0.125, 0.375, 0.375, 0.125])[2:-1:2], atol=1e-6
    )


def test_convolving_group_by_group_equals_kerass_grouped_convolution() -> None:
    trained, kept = (
        r3gan.build_generator(SMALL, LayerFactory()),
        r3gan.build_generator(SMALL, LayerFactory(keras_only=True)),
    )
    chance = np.random.default_rng(0)
    for weight in trained.weights:
        weight.assign(weight + chance.normal(0, 0.2, weight.shape))
    for own, effective in zip(kept.weights, effective_weights(trained), strict=True):
        own.assign(effective)
    assert {layer.groups for layer in kept.layers if isinstance(layer, keras.layers.Conv2D)} == {1, 2}
    assert not any(isinstance(layer, r3gan.GroupwiseConv2D) for layer in kept.layers)
    np.testing.assert_allclose(drawn(kept), drawn(trained), atol=2e-5)


def test_spectral_norm_of_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="spectral_norm must be none"):
        check(dataclasses.replace(recipe_settings("r3gan"), spectral_norm="discriminator"))


def drawn(network: keras.Model) -> npt.NDArray[np.float32]:
    latents = np.random.default_rng(1).standard_normal((3, SMALL.latent_size)).astype(np.float32)
    return np.asarray(network([latents, np.array([0, 1, 2], np.int32)]))


def resampled(change: object, line: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Resample an image that varies along one axis, and return a line from its centre."""
    maps = keras.Input((len(line), len(line), 1))
    network = keras.Model(maps, change(maps))  # type: ignore[operator]
    across = np.asarray(network(np.broadcast_to(line[None, None, :, None], (1, len(line), len(line), 1))))
    return across[0, across.shape[1] // 2, :, 0]
