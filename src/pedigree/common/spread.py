"""Places spread evenly over a range, to choose a few of many."""

import numpy as np
from numpy.typing import NDArray


def spread(count: int, total: int) -> NDArray[np.intp]:
    """Return `count` places spread evenly over 0..total-1, repeated where there are fewer places."""
    return np.asarray((np.arange(count) * 2 + 1) * total // (2 * count))
