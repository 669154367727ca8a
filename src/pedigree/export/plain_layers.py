"""Layers that compute the same as Keras's, in operations that the converters know."""

from typing import Any

import keras
from keras import layers, ops

from pedigree.networks.r3gan import GroupwiseConv2D

OUTER = "nc,hwc->nhwc"  # each number of a vector times a map of its own


class OuterDense(layers.EinsumDense):
    """EinsumDense of the equation `OUTER` without a bias, as a product. LiteRT's converter fails at the sum."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the maps `(n, height, width, channels)` of vectors `(n, channels)`."""
        return ops.expand_dims(inputs, (1, 2)) * self.kernel


def with_plain_layers(network: keras.Model) -> keras.Model:
    """Return the network, with copies of its weights if a layer must be replaced.

    On TensorFlow, Keras compiles a grouped convolution with XLA, which ONNX and LiteRT cannot express.
    """
    if not any(_plain_kind(layer) for layer in network.layers):
        return network
    copy = keras.models.clone_model(network, clone_function=_plain)
    copy.set_weights(network.get_weights())
    return copy


def _plain(layer: Any) -> Any:
    return (_plain_kind(layer) or type(layer)).from_config(layer.get_config())


def _plain_kind(layer: Any) -> type[layers.Layer] | None:
    """Return the class that replaces the layer's; None if it can stay."""
    if type(layer) is layers.Conv2D and layer.groups > 1:
        return GroupwiseConv2D
    is_outer = type(layer) is layers.EinsumDense and layer.equation == OUTER
    return OuterDense if is_outer and layer.bias_axes is None and layer.activation is keras.activations.linear else None
