"""EfficientNet-Lite0 and Lite2, ImageNet classifiers, as feature networks: from RGB to 1,280 pooled features.

The architecture is EfficientNet-B0 (Tan and Le, 2019, table 1) with the changes of its authors' Lite variants: ReLU6
instead of swish, no squeeze-and-excitation, and the same stem, head, and number of blocks in the first and the last
stage at every size. The networks are not trained here, so batch normalisation is folded into the convolutions.
"""

import itertools
import math
from functools import cached_property, partial
from typing import Any, Literal

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from pedigree.features.extractors import checkpoint
from pedigree.features.extractors.extraction import Floats, Pictures, extract, fingerprint
from pedigree.features.extractors.resizing import Resized
from pedigree.features.extractors.variants import VARIANTS, Variant

Weights = dict[str, NDArray[Any]]
Precision = Literal["float32", "bfloat16"]

_EPSILON = 1e-3  # of every batch normalisation
_STEM, _HEAD = 32, 1280  # channels

# For each stage of B0: number of blocks, kernel size, stride of the first block, expansion, output channels.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_MAPS = (1, 2, 4, 6)  # the last stages at strides 4, 8, 16 and 32


class EfficientNetLite:
    """The extractors `efficientnet-lite0` and `efficientnet-lite2`. Their weights come from installed packages.

    `efficientnet-lite0-bfloat16` is Lite0 with convolutions in bfloat16. It is 1.6 times as fast on a processor that
    supports it. Its features differ by about 4 %, its scores by less than their standard errors. It has its own name,
    so that no number depends on the processor.
    """

    dimension = _HEAD

    def __init__(self, name: str, precision: Precision = "float32") -> None:
        """Load the network and check the SHA-256 of its weights.

        Args:
            name: a key of `VARIANTS`.
            precision: of the convolutions.

        Raises:
            PedigreeError: the package with the weights is missing or damaged.
        """
        self.name = name if precision == "float32" else f"{name}-{precision}"
        self._variant = VARIANTS[name]
        self.image_size = self._variant.image_size
        weights = read_weights(self._variant)
        self._network = Resized(build(self._variant, weights, precision), self.image_size)
        self._head = weights["_fc.weight"].T, weights["_fc.bias"]

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the weights, this code, Keras and its backend."""
        return fingerprint(self.name, self._variant.sha256, keras.__version__, keras.backend.backend(), code=__file__)

    def features(self, images: Pictures, batch_size: int = 32) -> Floats:
        """Pool the last feature map over each image.

        Args:
            images: `(n, height, width, 3)` uint8 RGB, of any one size; resized to `image_size` in float.
            batch_size: how many the network takes at once; it only changes the rounding.

        Returns:
            `(n, 1280)` float32.
        """
        return extract(self._network, images, batch_size, self.dimension)

    def logits(self, features: Floats) -> Floats:
        """Turn `(n, 1280)` features into `(n, 1000)` logits of ImageNet's classes, ordered by WordNet id."""
        matrix, bias = self._head
        return np.asarray(features @ matrix + bias, np.float32)


def read_weights(variant: Variant) -> Weights:
    """Read the tensors of a variant, by their name in its package.

    Raises:
        PedigreeError: the package is missing or damaged.
    """
    return checkpoint.read_checkpoint(checkpoint.locate(variant.distribution, variant.file, variant.sha256))


def build(variant: Variant, weights: Weights, precision: Precision) -> Any:
    """Build a network: from RGB `(n, image_size, image_size, 3)` float32 in 0..255 to pooled `(n, 1280)` float32.

    Args:
        variant: its size.
        weights: its tensors, from `read_weights`.
        precision: of the convolutions; pooling is always in float32.
    """
    inputs = keras.Input((variant.image_size, variant.image_size, 3))
    x = _trunk(inputs, variant, weights, precision, layers)[-1]
    x = _convolve(x, weights, "_conv_head", "_bn1", layers, dtype=_dtype(precision), channels=_HEAD)
    return keras.Model(inputs, layers.GlobalAveragePooling2D(dtype="float32")(x))


def feature_maps(variant: Variant, weights: Weights, precision: Precision, layer_module: Any = layers) -> Any:
    """Build a network up to four of its feature maps.

    Args:
        variant: its size.
        weights: its tensors, from `read_weights`.
        precision: of the convolutions and the maps.
        layer_module: the module whose Conv2D and DepthwiseConv2D are used.

    Returns:
        A model from RGB `(n, height, width, 3)` in 0..255, height and width multiples of 32, to a list of the maps at
        strides 4, 8, 16 and 32. Those of Lite0 have 24, 40, 112 and 320 channels.
    """
    inputs = keras.Input((None, None, 3))
    outputs = _trunk(inputs, variant, weights, precision, layer_module)
    return keras.Model(inputs, [outputs[stage] for stage in _MAPS])


def _dtype(precision: Precision) -> str:
    return "float32" if precision == "float32" else "mixed_bfloat16"


def _trunk(inputs: Any, variant: Variant, weights: Weights, precision: Precision, layer_module: Any) -> list[Any]:
    """Return the output of each stage."""
    dtype = _dtype(precision)
    x = (inputs - 127.0) / 128.0
    x = _convolve(x, weights, "_conv_stem", "_bn0", layer_module, dtype=dtype, channels=_STEM, kernel=3, stride=2)
    blocks, outputs = itertools.count(), []
    for repeats, kernel, stride, expansion, channels in stages(variant.width, variant.depth):
        for repeat in range(repeats):
            sizes = {"kernel": kernel, "stride": 1 if repeat else stride, "expansion": expansion, "channels": channels}
            x = _block(x, weights, f"_blocks.{next(blocks)}.", layer_module, dtype=dtype, **sizes)
        outputs.append(x)
    return outputs


def stages(width: float, depth: float) -> list[tuple[int, int, int, int, int]]:
    """Scale B0's stages (Tan and Le, 2019, section 3.3), with the rounding of their code.

    Args:
        width: factor of the channels, which are rounded to multiples of 8, but by no more than a tenth downwards.
        depth: factor of the numbers of blocks, which are rounded up. The first and the last stage keep theirs.

    Returns:
        For each stage: number of blocks, kernel size, stride of the first block, expansion, output channels.
    """
    scaled = []
    for index, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        first_or_last = index in (0, len(_STAGES) - 1)
        blocks = repeats if first_or_last else math.ceil(depth * repeats)
        scaled.append((blocks, kernel, stride, expansion, _rounded(width * channels)))
    return scaled


def _rounded(channels: float) -> int:
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _block(
    entering: Any,
    weights: Weights,
    name: str,
    layer_module: Any,
    *,
    dtype: str,
    kernel: int,
    stride: int,
    expansion: int,
    channels: int,
) -> Any:
    """Apply an inverted residual block (Sandler et al., 2018, figure 3b). `name` begins the names of its tensors."""
    x, width = entering, entering.shape[-1]
    convolve = partial(_convolve, weights=weights, layer_module=layer_module, dtype=dtype)
    if expansion > 1:
        x = convolve(x, name=f"{name}_expand_conv", norm=f"{name}_bn0", channels=width * expansion)
    x = _convolve_depthwise(x, weights, name, layer_module, dtype=dtype, kernel=kernel, stride=stride)
    x = convolve(x, name=f"{name}_project_conv", norm=f"{name}_bn2", channels=channels, activation=None)
    return x + entering if stride == 1 and width == channels else x


def _convolve(
    x: Any,
    weights: Weights,
    name: str,
    norm: str,
    layer_module: Any,
    *,
    dtype: str,
    channels: int,
    kernel: int = 1,
    stride: int = 1,
    activation: str | None = "relu6",
) -> Any:
    layer = layer_module.Conv2D(channels, kernel, stride, padding="same", activation=activation, dtype=dtype)
    scale, bias = _folded(weights, norm)
    return _with_weights(layer, x, weights[f"{name}.weight"].transpose(2, 3, 1, 0) * scale, bias)


def _convolve_depthwise(
    x: Any, weights: Weights, name: str, layer_module: Any, *, dtype: str, kernel: int, stride: int
) -> Any:
    layer = layer_module.DepthwiseConv2D(kernel, stride, padding="same", activation="relu6", dtype=dtype)
    scale, bias = _folded(weights, f"{name}_bn1")
    return _with_weights(
        layer, x, weights[f"{name}_depthwise_conv.weight"].transpose(2, 3, 0, 1) * scale[:, None], bias
    )


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
