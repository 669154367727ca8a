"""Pairs of pictures with almost the same features."""

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_features

_ROWS = 2048  # of a block of the search: 2048 x 2048 float32 are 16 MB


def close_pairs(features: NDArray[np.floating], least: float) -> NDArray[np.intp]:
    """Return all pairs of rows whose cosine is at least `least`, `(pairs, 2)`, the smaller index first, sorted.

    The search is exact, except for the rounding of float32. A row of zeros is in no pair.

    Args:
        features: `(n, d)`.
        least: above 0, at most 1.

    Raises:
        ValueError: features are not finite.
    """
    check_features(minimum=0, features=features)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = np.divide(
        features, lengths, out=np.zeros(features.shape, np.float32), where=lengths > 0, casting="same_kind"
    )
    found = [np.empty((0, 2), np.intp)]
    for start in range(0, len(unit), _ROWS):
        for begin in range(start, len(unit), _ROWS):
            first, second = np.nonzero(unit[start : start + _ROWS] @ unit[begin : begin + _ROWS].T >= least)
            pairs = np.stack([first + start, second + begin], axis=1)
            found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
