"""Residual blocks: the papers' order of resampling and convolution, which ours only makes cheaper."""

import keras
import numpy as np
import pytest
from keras import layers

from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.residual import doubling, halving, level

MAPS = np.random.default_rng(0).standard_normal((2, 8, 8, 6), np.float32)


def shortcut_alone(network: keras.Model) -> keras.Model:
    """Let nothing come from the two convolutions, and give the shortcut a bias."""
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            layer.bias.assign(np.full(layer.bias.shape, 0.5 if layer.kernel_size == (1, 1) else 0.0))
            if layer.kernel_size == (3, 3):
                layer.kernel.assign(np.zeros(layer.kernel.shape))
    return network


def kernel_of(network: keras.Model) -> np.ndarray:
    (kernel,) = [layer.kernel for layer in network.layers if getattr(layer, "kernel_size", 0) == (1, 1)]
    return np.asarray(kernel)[0, 0]


def test_a_doublings_shortcut_doubles_and_then_convolves() -> None:
    maps = keras.Input((8, 8, 6))
    network = shortcut_alone(keras.Model(maps, doubling(maps, 4, LayerFactory(), lambda x: x)))
    expected = MAPS.repeat(2, axis=1).repeat(2, axis=2) @ kernel_of(network) + 0.5
    np.testing.assert_allclose(np.asarray(network(MAPS)), expected, atol=1e-5)


def test_a_halvings_shortcut_convolves_and_then_pools() -> None:
    maps = keras.Input((8, 8, 6))
    network = shortcut_alone(keras.Model(maps, halving(maps, 4, LayerFactory())))
    expected = (MAPS @ kernel_of(network) + 0.5).reshape(2, 4, 2, 4, 2, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(np.asarray(network(MAPS)), expected, atol=1e-5)


@pytest.mark.parametrize("first", [False, True])
def test_only_the_first_block_reads_what_is_below_zero(first: bool) -> None:
    maps = keras.Input((8, 8, 6))
    network = keras.Model(maps, halving(maps, 4, LayerFactory(), first=first))
    kernel = next(layer for layer in network.layers if getattr(layer, "kernel_size", 0) == (1, 1))
    kernel.kernel.assign(np.zeros(kernel.kernel.shape))
    same = np.allclose(np.asarray(network(MAPS)), np.asarray(network(np.maximum(MAPS, 0))), atol=1e-6)
    assert same != first


def test_both_maps_are_normalised_before_their_activation() -> None:
    maps = keras.Input((8, 8, 6))
    for block in (doubling, halving, level):
        widths: list[int] = []
        block(maps, 4, LayerFactory(), normalize=lambda x, widths=widths: (widths.append(x.shape[-1]), x)[1])
        assert widths == [6, 4]


def test_a_level_block_of_one_width_adds_to_what_came() -> None:
    maps = keras.Input((8, 8, 6))
    same, other = (shortcut_alone(keras.Model(maps, level(maps, width, LayerFactory()))) for width in (6, 4))
    np.testing.assert_allclose(np.asarray(same(MAPS)), MAPS)
    np.testing.assert_allclose(np.asarray(other(MAPS)), MAPS @ kernel_of(other) + 0.5, atol=1e-5)
