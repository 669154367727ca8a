"""Where a frozen ImageNet network sees the head of a dog: the centre of the class activation map of dogs.

The map says how much each place of the last feature map adds to the logits of the dogs (Zhou et al., "Learning Deep
Features for Discriminative Localization", 2016, section 2). Breeds differ most in their heads, so it is
strongest there.
"""

from functools import cached_property
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from pedigree.features.extractors import efficientnet_lite
from pedigree.features.extractors.extraction import Floats, Pictures, extract, fingerprint
from pedigree.features.extractors.resizing import Resized
from pedigree.features.extractors.variants import VARIANTS
from pedigree.features.imagenet import CANINES

_VARIANT = VARIANTS["efficientnet-lite0"]
_LEAST = 0.2  # share of the map's maximum; what is below it does not count


class DogActivation:
    """An extractor of three features: the centre of a dog's class activation map, and the probability of a dog.

    The network is EfficientNet-Lite0 in float32. Its weights come from an installed package.
    """

    name, dimension, image_size = "heads", 3, _VARIANT.image_size

    def __init__(self) -> None:
        """Load the network and check the SHA-256 of its weights.

        Raises:
            PedigreeError: the package with the weights is missing or damaged.
        """
        weights = efficientnet_lite.read_weights(_VARIANT)
        pooled = efficientnet_lite.build(_VARIANT, weights, "float32")
        self._maps = Resized(keras.Model(pooled.input, pooled.layers[-1].input), self.image_size)
        self._head = weights["_fc.weight"].T, weights["_fc.bias"]

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the weights, this code and the network's, Keras and its backend."""
        network = Path(efficientnet_lite.__file__).read_text(encoding="utf-8")
        return fingerprint(_VARIANT.sha256, network, keras.__version__, keras.backend.backend(), code=__file__)

    def features(self, images: Pictures, batch_size: int = 32) -> Floats:
        """Return the centre of the map of each picture, and the probability that it shows a dog.

        Args:
            images: `(n, height, width, 3)` uint8 RGB, of any one size; resized to `image_size` in float.
            batch_size: how many the network takes at once; it only changes the rounding.

        Returns:
            `(n, 3)` float32 in 0..1; see `activation_centres`.
        """
        return extract(lambda batch: activation_centres(self._maps(batch), *self._head), images, batch_size, 3)


def activation_centres(maps: Floats, matrix: Floats, bias: Floats) -> Floats:
    """Return the centres of the class activation maps of the dogs.

    The weights of the classes of dogs and their kin are averaged by their probabilities. The mean weights of all
    classes are subtracted: they light up for any object. Of the map, what is above a fifth of its maximum counts,
    squared.

    Args:
        maps: `(n, rows, columns, channels)`, the last feature map.
        matrix: `(channels, 1000)`, from pooled channels to logits of ImageNet's classes.
        bias: `(1000,)`.

    Returns:
        `(n, 3)` float32 in 0..1: the centre of gravity as shares of the width and the height, and the probability of
        dogs and their kin together. The probability is 0 if the map is positive nowhere.
    """
    dogs = _probabilities(maps.mean(axis=(1, 2)) @ matrix + bias)[:, CANINES]
    probability = dogs.sum(axis=1)
    weights = dogs @ matrix[:, CANINES].T / probability[:, None] - matrix.mean(axis=1)
    activation = np.einsum("nhwc,nc->nhw", maps, weights)
    highest = activation.max(axis=(1, 2), keepdims=True)
    strength = np.where(highest > 0, np.maximum(activation - _LEAST * highest, 0) ** 2, 1)
    strength /= strength.sum(axis=(1, 2), keepdims=True)
    across, down = (strength.sum(axis=axis) @ _centres(maps.shape[3 - axis]) for axis in (1, 2))
    return np.stack([across, down, np.where(highest[:, 0, 0] > 0, probability, 0)], axis=1).astype(np.float32)


def _probabilities(logits: Floats) -> NDArray[np.float64]:
    chances = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def _centres(cells: int) -> NDArray[np.float64]:
    """Return the centres of cells as shares of the side."""
    return (np.arange(cells) + 0.5) / cells
