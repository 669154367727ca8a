"""What pictures show, whatever their colours and texture: early feature maps of a network trained on ImageNet."""

import math
from functools import cache

import keras
import numpy as np
from numpy.typing import NDArray

from pedigree.features.cache import Images
from pedigree.features.extractors.efficientnet_lite import feature_maps, read_weights
from pedigree.features.extractors.extraction import extract
from pedigree.features.extractors.resizing import Resized
from pedigree.features.extractors.variants import VARIANTS

NETWORK = "efficientnet-lite2"
SIDE = 64  # pixels that pictures are resized to
BATCH = 32


def early_maps(images: Images) -> NDArray[np.float32]:
    """Return the feature map at an eighth of the side, `(n, numbers)`: places of edges and parts, pooled a little.

    Args:
        images: `(n, height, width, 3)` uint8 RGB.
    """
    network, numbers = _network()
    return extract(lambda batch: network(batch).reshape(len(batch), -1), images, BATCH, numbers)


def mean_cosine(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the cosine of the angle between each row of one array and the same row of another, both `(n, d)`."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    products = np.einsum("nd,nd->n", one, other, dtype=np.float64)
    return np.asarray(np.divide(products, lengths, out=np.zeros(len(one)), where=lengths > 0))


@cache
def _network() -> tuple[Resized, int]:
    """Return the network, and how many numbers it computes for a picture."""
    variant = VARIANTS[NETWORK]
    inputs = keras.Input((SIDE, SIDE, 3))
    early = feature_maps(variant, read_weights(variant), "float32")(inputs)[1]
    return Resized(keras.Model(inputs, early), SIDE), math.prod(early.shape[1:])
