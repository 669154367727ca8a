"""The kernel distance between two samples of features: how far apart they are, without bias at any sample size."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_features
from pedigree.metrics.estimate import Estimate

Features = NDArray[np.floating]
Exact = NDArray[np.float64]


class _Terms(NamedTuple):
    value: float
    first: float  # variance that the first-order term seems to have; it holds the second-order one twice
    second: float  # variance of the second-order term


def kernel_distance(real: Features, generated: Features, *, seed: int, subset_size: int = 1000) -> Estimate:
    """Measure how far apart two samples of features are.

    The squared maximum mean discrepancy with the kernel (x·y / d + 1)³ (Bińkowski et al., 2018, section 4), the mean
    over all pairs within the generated sample, plus that within the real one, less twice that across; a picture is no
    pair with itself. It has no bias: of two samples of one distribution it is 0 on average, so it may be negative.

    Both samples are split at random into the same number of subsets, of `subset_size` rows or more, each row in
    one; the distance is the mean over the pairs of subsets. Every picture counts, and time and memory grow
    with the samples, not their square. A sample that has no two subsets is compared whole, and no chance is in it.

    The standard error is that of drawing the generated sample anew, at its size, while the real one stays: it is by
    what two generators differ by chance when held against the same photos. What chance did to these is common to
    both, and not in it. It is the variance of a U-statistic: its first-order term from each row's mean kernels, its
    second-order one from the kernel doubly centred (Serfling, 1980, section 5.2; Sutherland et al., 2017). It needs no
    spread over subsets, and so holds for a single one; of ten pictures it may be a quarter too small, and of two or
    three it tells nothing.

    Args:
        real, generated: `(n, d)` and `(m, d)` features; computed in float64.
        seed: of the split into subsets.
        subset_size: at least 2. More takes longer, and gains precision only where the distance is next to none.

    Returns:
        The distance; features scale as their sixth power where they are large.

    Raises:
        ValueError: a sample has fewer than two rows or is not finite, dimensions differ, or subsets are too small.
    """
    check_features(minimum=2, real=real, generated=generated)
    if subset_size < 2:
        raise ValueError(f"subset_size must be at least 2. Received: {subset_size}")
    rng = np.random.Generator(np.random.Philox(key=seed))
    groups = max(1, min(len(real), len(generated)) // subset_size)
    splits = [np.array_split(rng.permutation(len(sample)), groups) for sample in (real, generated)]
    terms = [_compare(real[ours], generated[theirs], subset_size) for ours, theirs in zip(*splits, strict=True)]
    value, first, second = np.mean(terms, axis=0)
    return Estimate(float(value), float(np.sqrt(max(first - second, second) / groups)))


def _compare(real: Features, generated: Features, subset_size: int) -> _Terms:
    """Compare one subset with another; of one that is much larger, rows are paired within parts of `subset_size`."""
    parts = _parts(real, subset_size)
    terms = []
    for rows in map(_exact, _parts(generated, subset_size)):
        kernel, means = _within(rows)
        across = sum(_kernel(rows, _exact(part)).sum(axis=1) for part in parts) / len(real)
        first = 4 * (means - across).var(ddof=1) / len(generated)
        second = 2 * _centred_square(kernel) / (len(generated) * (len(rows) - 1))
        terms.append(_Terms(means.mean() - 2 * across.mean(), first, second))
    value, first, second = np.mean(terms, axis=0)
    return _Terms(value + np.mean([_within(_exact(part))[1].mean() for part in parts]), first, second)


def _parts(sample: Features, size: int) -> list[Features]:
    return np.array_split(sample, max(1, len(sample) // size))


def _exact(sample: Features) -> Exact:
    return sample.astype(np.float64, copy=False)


def _kernel(one: Exact, other: Exact) -> Exact:
    """Return the kernel of each row of one with each of the other, `(n, m)`."""
    linear = one @ other.T
    linear /= one.shape[1]
    linear += 1
    kernel = linear * linear
    kernel *= linear
    return np.asarray(kernel)


def _within(rows: Exact) -> tuple[Exact, Exact]:
    """Return the `(n, n)` kernel of a sample with its diagonal empty, and each row's mean without it."""
    kernel = _kernel(rows, rows)
    np.fill_diagonal(kernel, 0)
    return kernel, kernel.sum(axis=1) / (len(rows) - 1)


def _centred_square(kernel: Exact) -> float:
    """Return an unbiased mean square of the doubly centred kernel (Székely and Rizzo, 2014, section 2.1); spoils it.

    Of fewer than four rows nothing is left when both means are taken off: 0.
    """
    rows = len(kernel)
    if rows < 4:
        return 0.0
    sums = kernel.sum(axis=1)
    kernel -= sums[:, None] / (rows - 2)
    kernel -= sums / (rows - 2)
    kernel += sums.sum() / ((rows - 1) * (rows - 2))
    np.fill_diagonal(kernel, 0)
    return float(np.vdot(kernel, kernel)) / (rows * (rows - 3))
