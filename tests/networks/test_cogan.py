"""CoGAN: what breeds share and what they do not, and convolutions with a kernel for each breed."""

from collections import Counter

import keras
import numpy as np
import pytest

from networks.test_networks import kernels, latents, learned, perturbed, photos
from pedigree.networks import cogan
from pedigree.networks.breed_kernels import breed_conv, breed_upsampling
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

PAIR = Shape(image_size=64, colors=3, latent_size=100, breeds=2, channels=128)
SMALL = Shape(image_size=16, colors=3, latent_size=12, breeds=3, channels=4)
CHANCE = np.random.default_rng(0)
MAPS = CHANCE.standard_normal((3, 6, 6, 5)).astype(np.float32)
BREEDS = np.array([2, 0, 1], np.int32)


def tables(network: keras.Model) -> list[keras.layers.Embedding]:
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Embedding)]


def test_the_generators_share_the_layers_of_the_authors_and_each_breed_has_the_last_two() -> None:
    network = cogan.build_generator(PAIR, LayerFactory())
    assert kernels(network) == Counter(
        {
            ((100, 16384), (16384,)): 1,  # 4×4×1024
            ((4, 4, 512, 1024), (8, 8, 512)): 1,
            ((4, 4, 256, 512), (16, 16, 256)): 1,
            ((4, 4, 128, 256), (32, 32, 128)): 1,
        }
    )
    shared = 100 * 16384 + 16 * (1024 * 512 + 512 * 256 + 256 * 128)
    shared += 3 * (1024 + 512 + 256 + 128) + 64  # gain, shift and slope; the slope of the branches' layer
    branch = 4 * 128 * 64 + 2 * 64 + 9 * 64 * 3 + 3  # 2×2 to 64 px, gain and shift; 3×3 to colours, bias
    assert learned(network) == shared + 2 * branch


def test_the_discriminators_share_all_layers_but_the_first() -> None:
    network = cogan.build_discriminator(PAIR, LayerFactory(), "none")
    assert kernels(network) == Counter(
        {
            ((4, 4, 64, 128), (32, 32, 128)): 1,
            ((4, 4, 128, 256), (16, 16, 256)): 1,
            ((4, 4, 256, 512), (8, 8, 512)): 1,
            ((4, 4, 512, 1024), (4, 4, 1024)): 1,
            ((16384, 1), (1,)): 1,
        }
    )
    shared = 16 * (64 * 128 + 128 * 256 + 256 * 512 + 512 * 1024) + 16384 + 1
    shared += 2 * (128 + 256 + 512 + 1024) + 64  # bias and slope; the slope of the branches' layer
    assert learned(network) == shared + 2 * (9 * 3 * 64 + 64)


def test_a_breeds_own_weights_change_its_own_pictures_and_logits_alone() -> None:
    first = [latents(3, SMALL), photos(3, SMALL)]
    networks = [cogan.build_generator(SMALL, LayerFactory()), cogan.build_discriminator(SMALL, LayerFactory(), "none")]
    for network, inputs in zip(map(perturbed, networks), first, strict=True):
        before = np.asarray(keras.tree.flatten(network([inputs, BREEDS]))[0])
        for table in tables(network):
            (rows,) = table.get_weights()
            rows[0] += 1
            table.set_weights([rows])
        after = np.asarray(keras.tree.flatten(network([inputs, BREEDS]))[0])
        changed = [not np.allclose(a, b, atol=1e-6) for a, b in zip(before, after, strict=True)]
        assert changed == [breed == 0 for breed in BREEDS]


def test_at_the_start_all_breeds_draw_the_same() -> None:
    network = cogan.build_generator(SMALL, LayerFactory())
    drawn = np.asarray(network([np.repeat(latents(1, SMALL), 3, axis=0), BREEDS]))
    assert drawn.std() > 0.01
    np.testing.assert_allclose(drawn, drawn[:1].repeat(3, axis=0), atol=1e-6)


def convolved(layer: object, channels: int) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    """Apply a layer with kernels by breed to MAPS. Return the result, and the rows of each table for each map."""
    maps, breed = keras.Input(MAPS.shape[1:]), keras.Input((), dtype="int32")
    network = perturbed(keras.Model([maps, breed], layer(maps, breed, 3, channels, LayerFactory())))  # type: ignore[operator]
    return np.asarray(network([MAPS, BREEDS])), [
        [table.get_weights()[0][row] for table in tables(network)] for row in BREEDS
    ]


@pytest.mark.parametrize("channels", [4, 8])
def test_a_convolution_by_breed_is_kerass_with_the_breeds_kernel(channels: int) -> None:
    """With fewer channels than MAPS have, it shifts products; with more, MAPS."""
    results, rows = convolved(breed_conv, channels)
    for result, maps, (row, bias) in zip(results, MAPS, rows, strict=True):
        layer = keras.layers.Conv2D(channels, 3, padding="same")
        layer.build((None, 6, 6, 5))
        shifted_products = row.reshape(5, 3, 3, channels).transpose(1, 2, 0, 3)
        layer.set_weights([shifted_products if channels < 5 else row.reshape(3, 3, 5, channels), bias])
        np.testing.assert_allclose(result, layer(maps[None])[0], atol=1e-5)


def test_an_upsampling_by_breed_is_kerass_transposed_convolution_with_the_breeds_kernel() -> None:
    results, rows = convolved(breed_upsampling, 4)
    for result, maps, (row,) in zip(results, MAPS, rows, strict=True):
        layer = keras.layers.Conv2DTranspose(4, 2, strides=2, use_bias=False)
        layer.build((None, 6, 6, 5))
        layer.set_weights([row.reshape(5, 2, 2, 4).transpose(1, 2, 3, 0)])
        np.testing.assert_allclose(result, layer(maps[None])[0], atol=1e-5)
