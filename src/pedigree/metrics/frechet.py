"""The Fréchet distance between two samples of features, both modelled as normal distributions."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_features
from pedigree.metrics.estimate import Estimate

Features = NDArray[np.floating]
Exact = NDArray[np.float64]

_ROWS_AT_ONCE = 2048
_SHORT = 1e-4  # relative to the longest axis


def frechet_distance(real: Features, generated: Features) -> Estimate:
    """Return the Fréchet distance between two samples of features.

    |m₁ − m₂|² + tr(S₁ + S₂ − 2(S₁^½ S₂ S₁^½)^½), with means m and unbiased covariances S (Dowson and Landau, 1982; used
    on features by Heusel et al., 2017, section 2). The trace of the root is the nuclear norm of A₁A₂ᵀ for any factors
    AᵀA = S, so samples with fewer rows than dimensions are not a special case.

    The distance is biased upwards, and more so for small samples. Only compare distances at the same two sample sizes.

    The standard error is for new generated samples of the same size, with the same real sample: the chance difference
    between two generators that are compared with the same photos. It comes from the infinitesimal jackknife (Efron,
    1982, chapter 6). For samples larger than their dimension, a second-order term that the jackknife counts twice is
    subtracted; it matters when the distance is close to 0. In simulations the standard error was then 0.9 to 1.3 times
    the standard deviation of repeated samples, and 0.7 to 1.6 times for samples no larger than their dimension.

    Args:
        real, generated: `(n, d)` and `(m, d)` features; computed in float64.

    Returns:
        The distance, at least 0, in squared units of the features.

    Raises:
        ValueError: a sample has fewer than two rows or is not finite, or dimensions differ.
    """
    check_features(minimum=2, real=real, generated=generated)
    return fit(real).distance(generated)


@dataclass(frozen=True, eq=False)
class Normal:
    """The normal distribution of a real sample, to compare several generated samples with."""

    mean: Exact  # (d,)
    factor: Exact  # (r, d), r at most d: factorᵀ factor is the unbiased covariance

    def distance(self, generated: Features) -> Estimate:
        """Return `frechet_distance(real, generated)`, where real is the sample that this was fitted to."""
        check_features(minimum=2, generated=generated)
        check_features(real=self.mean[None], generated=generated)
        rows, mean = len(generated), generated.mean(axis=0, dtype=np.float64)
        apart, blocks = self.mean - mean, partial(_centred, generated, mean)
        overlap = (_overlap_of_many if rows > generated.shape[1] else _overlap_of_few)(self.factor, blocks)
        spread, along = np.concatenate([[(block**2).sum(axis=1), block @ apart] for block in blocks()], axis=1)
        value = apart @ apart + np.vdot(self.factor, self.factor) + spread.sum() - 2 * overlap.values.sum()
        influence = rows * (spread - overlap.shares) - 2 * np.sqrt(rows - 1) * along
        variance = influence.var(ddof=1) / rows
        variance = max(variance - overlap.second_order / rows**2, variance / 2)
        return Estimate(max(0.0, float(value)), float(np.sqrt(variance)))


def fit(real: Features) -> Normal:
    """Fit a normal distribution to `(n, d)` features, n at least 2. This is the slow part of `frechet_distance`.

    Raises:
        ValueError: there are fewer than two rows, or not all numbers are finite.
    """
    check_features(minimum=2, real=real)
    mean = real.mean(axis=0, dtype=np.float64)
    blocks = partial(_centred, real, mean)
    if len(real) <= real.shape[1]:
        return Normal(mean, np.concatenate(list(blocks())))
    covariance = _gram(blocks())
    squares = np.linalg.eigvalsh(covariance)
    if squares[0] > _SHORT**2 * squares[-1]:  # then a Cholesky factor is just as exact and takes half the time
        return Normal(mean, np.asarray(np.linalg.cholesky(covariance).T))
    lengths, axes = _principal_axes(covariance, blocks)
    return Normal(mean, lengths[:, None] * axes.T)


def _centred(sample: Features, mean: Exact, turn: Exact | None = None) -> Iterator[Exact]:
    """Yield A in blocks of rows, or A times `turn`. A is `(n, d)`; AᵀA is the unbiased covariance of the sample."""
    for first in range(0, len(sample), _ROWS_AT_ONCE):
        block = (sample[first : first + _ROWS_AT_ONCE] - mean) / np.sqrt(len(sample) - 1)
        yield block if turn is None else block @ turn


def _gram(blocks: Iterable[Exact]) -> Exact:
    return np.asarray(sum(block.T @ block for block in blocks))


def _principal_axes(gram: Exact, turned: Callable[[Exact], Iterable[Exact]]) -> tuple[Exact, Exact]:
    """Return the singular values and right singular vectors (columns) of a tall matrix M.

    They are computed from its Gram matrix MᵀM. Squaring loses values below 1e-8 of the largest to rounding, so those
    are computed again within the short axes only.

    Args:
        gram: MᵀM.
        turned: returns M times its argument, in blocks of rows.
    """
    squares, axes = np.linalg.eigh(gram)
    lengths = np.sqrt(squares.clip(0))
    short = lengths < _SHORT * lengths.max()
    if short.any():
        squares, turn = np.linalg.eigh(_gram(turned(axes[:, short])))
        lengths[short], axes[:, short] = np.sqrt(squares.clip(0)), axes[:, short] @ turn
    return lengths, axes


class _Overlap(NamedTuple):
    """The nuclear norm of M = A factorᵀ, where AᵀA is the covariance of the generated rows."""

    values: Exact  # (r,): the singular values of M; the norm is their sum
    shares: Exact  # (n,): each row's part of the norm, the diagonal of (MMᵀ)^½
    second_order: float  # n² times the variance of the distance's second-order term, which the jackknife counts twice


def _overlap_of_few(factor: Exact, blocks: Callable[..., Iterable[Exact]]) -> _Overlap:
    product = np.concatenate(list(blocks(factor.T)))
    values, vectors = _principal_axes(product @ product.T, lambda turn: [product.T @ turn])
    return _Overlap(values, vectors**2 @ values, 0.0)  # the second-order term is not known


def _overlap_of_many(factor: Exact, blocks: Callable[..., Iterable[Exact]]) -> _Overlap:
    covariance = _gram(blocks())
    values, vectors = _principal_axes(factor @ covariance @ factor.T, lambda turn: blocks(factor.T @ turn))
    inverse = np.divide(1, values, out=np.zeros_like(values), where=values > 0)
    shares = [block**2 @ inverse for block in blocks(factor.T @ vectors)]
    return _Overlap(values, np.concatenate(shares), _second_order(covariance, values))


def _second_order(covariance: Exact, overlaps: Exact) -> float:
    """Return `_Overlap.second_order` for normal features.

    The second derivative of the distance is 2x·y for two deviations x and y of the mean. For two deviations of the
    covariance, on the axes of the singular values, it has the weights s·t / (s + t) for each pair of values s and t.
    """
    positive = overlaps[overlaps > 0]
    weights = np.multiply.outer(positive, positive) / np.add.outer(positive, positive)
    return float(2 * np.vdot(covariance, covariance) + np.vdot(weights, weights) + np.vdot(positive, positive) / 4)
