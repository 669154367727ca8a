"""Residual blocks: the order of resampling and convolution in the shortcut does not change the result."""

import keras
import numpy as np
import pytest
from keras import layers

from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.residual import downsampling_block, same_size_block, upsampling_block

MAPS = np.random.default_rng(0).standard_normal((2, 8, 8, 6), np.float32)


def shortcut_alone(network: keras.Model) -> keras.Model:
    """Set the output of the two convolutions to zero, and the bias of the shortcut to 0.5."""
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            layer.bias.assign(np.full(layer.bias.shape, 0.5 if layer.kernel_size == (1, 1) else 0.0))
            if layer.kernel_size == (3, 3):
                layer.kernel.assign(np.zeros(layer.kernel.shape))
    return network


def kernel_of(network: keras.Model) -> np.ndarray:
    (kernel,) = [layer.kernel for layer in network.layers if getattr(layer, "kernel_size", 0) == (1, 1)]
    return np.asarray(kernel)[0, 0]


def test_the_shortcut_equals_upsampling_then_convolution() -> None:
    maps = keras.Input((8, 8, 6))
    network = shortcut_alone(keras.Model(maps, upsampling_block(maps, 4, LayerFactory(), lambda x: x)))
    expected = MAPS.repeat(2, axis=1).repeat(2, axis=2) @ kernel_of(network) + 0.5
    np.testing.assert_allclose(np.asarray(network(MAPS)), expected, atol=1e-5)


def test_the_shortcut_equals_convolution_then_pooling() -> None:
    maps = keras.Input((8, 8, 6))
    network = shortcut_alone(keras.Model(maps, downsampling_block(maps, 4, LayerFactory())))
    expected = (MAPS @ kernel_of(network) + 0.5).reshape(2, 4, 2, 4, 2, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(np.asarray(network(MAPS)), expected, atol=1e-5)


@pytest.mark.parametrize("first", [False, True])
def test_only_the_first_block_uses_negative_inputs(first: bool) -> None:
    maps = keras.Input((8, 8, 6))
    network = keras.Model(maps, downsampling_block(maps, 4, LayerFactory(), first=first))
    kernel = next(layer for layer in network.layers if getattr(layer, "kernel_size", 0) == (1, 1))
    kernel.kernel.assign(np.zeros(kernel.kernel.shape))
    same = np.allclose(np.asarray(network(MAPS)), np.asarray(network(np.maximum(MAPS, 0))), atol=1e-6)
    assert same != first


def test_maps_are_normalised_before_each_activation() -> None:
    maps = keras.Input((8, 8, 6))
    for block in (upsampling_block, downsampling_block, same_size_block):
        widths: list[int] = []
        block(maps, 4, LayerFactory(), normalize=lambda x, widths=widths: (widths.append(x.shape[-1]), x)[1])
        assert widths == [6, 4]


def test_without_a_change_of_width_the_shortcut_is_the_identity() -> None:
    maps = keras.Input((8, 8, 6))
    same, other = (shortcut_alone(keras.Model(maps, same_size_block(maps, width, LayerFactory()))) for width in (6, 4))
    np.testing.assert_allclose(np.asarray(same(MAPS)), MAPS)
    np.testing.assert_allclose(np.asarray(other(MAPS)), MAPS @ kernel_of(other) + 0.5, atol=1e-5)
