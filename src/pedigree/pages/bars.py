"""The bars of a histogram."""

import numpy as np
from numpy.typing import NDArray

from pedigree.pages.axes import Axis

Bar = tuple[float, float, float, float]  # x, y, width, height in SVG units


def bars(values: NDArray[np.float64], across: Axis, bins: int, base: float, tallest: float) -> list[Bar]:
    """Return the bars of a histogram of `values` `(n,)`, n at least 1; empty bins have none.

    Args:
        values: the numbers; all lie on the axis.
        across: the horizontal axis, which the bins divide.
        bins: number of bins.
        base: y of the bars' lower ends, in SVG units.
        tallest: the height of the tallest bar, in SVG units.
    """
    counts, edges = np.histogram(values, bins=bins, range=(across.low, across.high))
    heights = counts / counts.max() * tallest
    places = [across.place(edge) for edge in edges]
    return [
        (left, round(base - height, 1), round(right - left - 1, 1), round(float(height), 1))
        for left, right, height in zip(places, places[1:], heights, strict=False)
        if height > 0
    ]
