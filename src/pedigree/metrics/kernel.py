"""The kernel distance between two samples of features, which is unbiased at any sample size."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_features
from pedigree.metrics.estimate import Estimate

Features = NDArray[np.floating]
Exact = NDArray[np.float64]


class _Terms(NamedTuple):
    value: float
    first: float  # estimated variance of the first-order term; it contains that of the second-order term twice
    second: float  # variance of the second-order term


def kernel_distance(real: Features, generated: Features, *, seed: int, subset_size: int = 1000) -> Estimate:
    """Return the kernel distance between two samples of features.

    It is the squared maximum mean discrepancy with the kernel (x·y / d + 1)³ (Bińkowski et al., 2018, section 4): the
    mean kernel over all pairs of different pictures of the generated sample, plus that of the real sample, minus twice
    the mean over all pairs across. It is unbiased: for two samples of the same distribution it is 0 on average, so it
    can be negative.

    Both samples are split at random into the same number of subsets of at least `subset_size` rows. The distance is the
    mean over the pairs of subsets. Every picture counts, and time and memory grow with the sample sizes, not with
    their squares. If a sample is too small for two subsets, both are compared whole, and the seed has no effect.

    The standard error is for new generated samples of the same size, with the same real sample: the chance difference
    between two generators that are compared with the same photos. It is the variance of a U-statistic: the first-order
    term comes from the mean kernels of each row, the second-order term from the doubly centred kernel (Serfling, 1980,
    section 5.2; Sutherland et al., 2017). It does not need several subsets. With ten pictures it may be a quarter too
    small; with two or three it is meaningless.

    Args:
        real, generated: `(n, d)` and `(m, d)` features; computed in float64.
        seed: of the split into subsets.
        subset_size: at least 2. Larger subsets take longer and are only more precise if the distance is close to 0.

    Returns:
        The distance. For large features, it grows with their sixth power.

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
    """Compare two subsets. If one is much larger, its rows are only paired within parts of `subset_size`."""
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
    """Return the kernel of each row of `one` with each row of `other`, `(n, m)`."""
    linear = one @ other.T
    linear /= one.shape[1]
    linear += 1
    kernel = linear * linear
    kernel *= linear
    return np.asarray(kernel)


def _within(rows: Exact) -> tuple[Exact, Exact]:
    """Return the `(n, n)` kernel of a sample with a zero diagonal, and each row's mean without the diagonal."""
    kernel = _kernel(rows, rows)
    np.fill_diagonal(kernel, 0)
    return kernel, kernel.sum(axis=1) / (len(rows) - 1)


def _centred_square(kernel: Exact) -> float:
    """Return an unbiased mean square of the doubly centred kernel (Székely and Rizzo, 2014, section 2.1).

    This changes `kernel`. With fewer than four rows, nothing is left after the centring, so the result is 0.
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
