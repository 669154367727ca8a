"""Indices spread evenly over a range, to choose a few of many items."""

import numpy as np
from numpy.typing import NDArray


def spread(count: int, total: int) -> NDArray[np.intp]:
    """Return `count` indices spread evenly over 0..total-1. They repeat if `count` is larger than `total`."""
    return np.asarray((np.arange(count) * 2 + 1) * total // (2 * count))
