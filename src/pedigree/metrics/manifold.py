"""Precision, recall, density and coverage: which pictures lie among which, by a ball around every picture.

This and `neighbors.py` are our own because prdc and scikit-learn compute every distance in float64. At 20,000 × 10,000
pictures × 2,048 features that takes three times the processor time and nine times the memory (`bench/manifold.py`). A
simpler version, without symmetric blocks, gave the same numbers with 60 % of the code, but took 0.41 of prdc's
processor time instead of 0.33, which is over the limit of a third. Leaving out float64 for the close cases would make
ties depend on rounding: a collapsed generator, whose pictures are all nearly equal, would get arbitrary numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_features
from pedigree.metrics.estimate import Estimate, share_of
from pedigree.metrics.neighbors import BLOCK, Cloud, Floats, Indices, Neighbors, clouds, nearest, sparse

Counts = NDArray[np.int64]

_SPLITS = 64
_PAIRS_AT_ONCE = 1 << 16
_CROWDED = 0.04  # above this share of pairs, it is faster to process all of them


class Manifold(NamedTuple):
    """The four numbers. `Overlap` defines them."""

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


@dataclass(frozen=True, eq=False)
class Overlap:
    """Which pictures lie in which balls. A picture's open ball reaches to its k-th nearest neighbour in its own sample.

    The standard errors are for new samples of the same sizes. Both samples are split into random halves 64 times. The
    two halves are independent, so half the variance of a number at half the size is a quarter of their mean squared
    difference. The variance is proportional to one over the size, if the number itself is similar at half the size.
    In simulations with 16 and 64 dimensions, the standard errors were right within an eighth on average; in 2
    dimensions, where precision and recall are near 1, they were a third too large. A single estimate varies by about a
    fifth around that. Samples with fewer than about 10 k pictures are too small to split; there it is only a guess.
    """

    real_balls: Counts  # (m,): the number of real balls that contain each generated picture
    generated_balls: Counts  # (n,): the number of generated balls that contain each real picture
    generated_inside: Counts  # (n,): the number of generated pictures in each real picture's ball
    neighbors: int  # k
    halves: NDArray[np.float64]  # (splits, 2, 4): precision, recall, density and coverage of each half of each split

    @property
    def realistic(self) -> NDArray[np.bool_]:
        """Whether each generated picture lies in a real ball, `(m,)`."""
        return np.asarray(self.real_balls > 0)

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Whether each real picture has a generated one in its ball, `(n,)`."""
        return np.asarray(self.generated_inside > 0)

    @property
    def precision(self) -> Estimate:
        """The share of generated pictures that lie in a real ball (Kynkäänniemi et al., 2019, equation 2)."""
        return self._estimate(0, self._share(self.real_balls))

    @property
    def recall(self) -> Estimate:
        """The share of real pictures that lie in a generated ball (Kynkäänniemi et al., 2019, equation 2)."""
        return self._estimate(1, self._share(self.generated_balls))

    @property
    def density(self) -> Estimate:
        """The mean number of real balls that contain a generated picture, over k. Can exceed 1 (Naeem et al., 2020)."""
        least = self._share(self.real_balls).standard_error / self.neighbors  # one more picture in a single ball
        return self._estimate(2, Estimate(self.real_balls.mean() / self.neighbors, least))

    @property
    def coverage(self) -> Estimate:
        """The share of real balls that contain a generated picture (Naeem et al., 2020)."""
        return self._estimate(3, self._share(self.generated_inside))

    @staticmethod
    def _share(counts: Counts) -> Estimate:
        return share_of(int(np.count_nonzero(counts)), len(counts))

    def _estimate(self, which: int, value: Estimate) -> Estimate:
        """Return `value` with the larger of its own error and that of the halves, which is 0 if all are equal."""
        one, other = self.halves[:, 0, which], self.halves[:, 1, which]
        error = float(np.sqrt(np.mean((one - other) ** 2)) / 2)
        return Estimate(value, max(error, value.standard_error))


def precision_recall_density_coverage(
    real: NDArray[np.floating], generated: NDArray[np.floating], *, neighbors: int = 5
) -> Manifold:
    """Return the four numbers of `overlap`, which has the same arguments."""
    result = overlap(real, generated, neighbors=neighbors)
    return Manifold(result.precision, result.recall, result.density, result.coverage)


def overlap(
    real: NDArray[np.floating], generated: NDArray[np.floating], *, neighbors: int = 5, block: int = BLOCK
) -> Overlap:
    """Find which pictures lie in which balls, exactly as with all distances computed from differences in float64.

    Recall and coverage grow with the number of generated pictures, precision with the number of real ones. Only compare
    numbers at the same two sample sizes.

    Args:
        real, generated: `(n, d)` and `(m, d)` features.
        neighbors: k. A picture's ball reaches to its k-th nearest neighbour in its own sample, itself not counted.
        block: rows and columns of a block of distances. Memory, besides a float32 copy, grows with its square.

    Raises:
        ValueError: `neighbors` is less than 1, a sample has no more than `neighbors` rows or is not finite, or
            dimensions differ.
    """
    return overlaps(real, [generated], neighbors=neighbors, block=block)[0]


def overlaps(
    real: NDArray[np.floating], samples: Sequence[NDArray[np.floating]], *, neighbors: int = 5, block: int = BLOCK
) -> list[Overlap]:
    """Return `overlap` of the real sample with each of `samples`. The balls of the real sample are found only once."""
    if neighbors < 1:
        raise ValueError(f"neighbors must be at least 1. Received: {neighbors}")
    for generated in samples:
        check_features(minimum=neighbors + 1, real=real, generated=generated)
    one, *others = clouds(real, *samples)
    balls = _Balls(one, one, neighbors, block)  # its own mean is the origin already
    return [_overlap(balls, _Balls(other, other.recentred(), neighbors, block), block) for other in others]


def _overlap(real: "_Balls", generated: "_Balls", block: int) -> Overlap:
    one, other = real.centres, generated.centres
    ours, theirs = _Contents(real, generated), _Contents(generated, real)
    for rows in one.blocks(size=block):
        for columns in other.blocks(size=block):
            lower = one.lower_bounds(rows, other, columns)
            ours.count(lower, rows, columns)
            theirs.count(lower.T, columns, rows)
    halves = np.stack([ours.half_met(), theirs.half_met(), ours.half_density(), ours.half_holding()], axis=-1)
    return Overlap(
        _in_order(ours.met, other), _in_order(theirs.met, one), _in_order(ours.holding, one), real.neighbors, halves
    )


class _Balls:
    """The balls around the rows of a cloud, and around those of each of its halves."""

    def __init__(self, centres: Cloud, recentred: Cloud, neighbors: int, block: int) -> None:
        self.centres, self.neighbors = centres, neighbors
        near = nearest(recentred, neighbors, keep=6 * neighbors + 2, block=block)
        self.radius = near.radius
        self.sides = _sides(len(centres))
        self.half_radius = _half_radius(near, self.sides, neighbors)
        self.reach = np.maximum(self.half_radius.max(axis=1), np.nextafter(near.radius.astype(np.float32), np.inf))
        self.reach[near.radius == 0] = -np.inf


class _Contents:
    """The rows of another cloud that lie in the balls of a cloud."""

    def __init__(self, balls: _Balls, others: _Balls) -> None:
        self.balls, self.others = balls, others.centres
        self.sides, self.other_sides = balls.sides, others.sides
        self.holding, self.met = np.zeros(len(self.sides), np.int64), np.zeros(len(self.other_sides), np.int64)
        self.half_holds, self.half_meets = np.zeros(self.sides.shape, bool), np.zeros(self.other_sides.shape, bool)
        self.half_total = np.zeros((2, _SPLITS), np.int64)

    def count(self, lower: Floats, rows: slice, columns: slice) -> None:
        """Count the pairs of a block with the lower bounds `lower` on their squared distances."""
        near = sparse(lower < self.balls.reach[rows, None])
        bound, rows_near, columns_near = lower[near], near[0] + rows.start, near[1] + columns.start
        inside = self._inside(bound, rows_near, columns_near)
        self.holding += np.bincount(rows_near[inside], minlength=len(self.holding))
        self.met += np.bincount(columns_near[inside], minlength=len(self.met))
        if len(bound) > _CROWDED * lower.size:
            return self._count_halves_of_all(lower, rows, columns)
        for first in range(0, len(bound), _PAIRS_AT_ONCE):
            some = slice(first, first + _PAIRS_AT_ONCE)
            self._count_halves(bound[some], rows_near[some], columns_near[some])

    def half_met(self) -> NDArray[np.float64]:
        """Return, for each half, the share of its other rows that lie in its balls, `(splits, 2)`."""
        return _shares(self.half_meets, self.other_sides)

    def half_holding(self) -> NDArray[np.float64]:
        """Return, for each half, the share of its balls that contain any of its other rows, `(splits, 2)`."""
        return _shares(self.half_holds, self.sides)

    def half_density(self) -> NDArray[np.float64]:
        """Return, for each half, the mean number of balls that contain one of its other rows, over k, `(splits, 2)`."""
        rows = np.stack([self.other_sides.sum(axis=0), (~self.other_sides).sum(axis=0)])
        return np.asarray((self.half_total / rows / self.balls.neighbors).T)

    def _inside(self, bound: Floats, rows: Indices, columns: Indices) -> NDArray[np.bool_]:
        """Return which pairs are nearer than the radius. Close cases are decided by differences in float64."""
        radius, slack = self.balls.radius[rows], self.balls.centres.slack[rows] + self.others.slack[columns]
        inside = np.asarray(bound + slack < radius)
        open_ = np.flatnonzero(~inside & (bound < radius))
        inside[open_] = self.balls.centres.distances(rows[open_], self.others, columns[open_]) < radius[open_]
        return inside

    def _count_halves(self, bound: Floats, rows: Indices, columns: Indices) -> None:
        sides = self.sides[rows]
        pair, split = sparse((sides == self.other_sides[columns]) & (bound[:, None] < self.balls.half_radius[rows]))
        self.half_holds[rows[pair], split] = True
        self.half_meets[columns[pair], split] = True
        self.half_total[0] += np.bincount(split[sides[pair, split]], minlength=_SPLITS)
        self.half_total[1] += np.bincount(split[~sides[pair, split]], minlength=_SPLITS)

    def _count_halves_of_all(self, lower: Floats, rows: slice, columns: slice) -> None:
        for split in range(_SPLITS):
            sides = self.sides[rows, split]
            near = sides[:, None] == self.other_sides[columns, split]
            near &= lower < self.balls.half_radius[rows, split, None]
            held = np.count_nonzero(near, axis=1)
            self.half_holds[rows, split] |= held > 0
            self.half_meets[columns, split] |= near.any(axis=0)
            self.half_total[:, split] += held[sides].sum(), held[~sides].sum()


def _sides(rows: int) -> NDArray[np.bool_]:
    """Split the rows into halves, `(rows, splits)`: whether each row is in the first half."""
    chance = np.random.Generator(np.random.Philox(key=[rows, 1]))
    return chance.permuted(np.tile(np.arange(rows)[:, None] % 2 == 0, _SPLITS), axis=0)


def _half_radius(near: Neighbors, sides: NDArray[np.bool_], neighbors: int) -> Floats:
    """Return lower bounds on the squared distance to the k-th nearest of each row's own half, `(rows, splits)`."""
    radius = np.zeros(sides.shape, np.float32)
    seen = np.zeros(sides.shape, np.int64)
    for nearest_rows, distance in zip(near.nearest.T, near.distance.T, strict=True):
        fellow = (sides[nearest_rows] == sides) & (distance < np.inf)[:, None] & (seen < neighbors)
        seen += fellow
        np.copyto(radius, distance[:, None], where=fellow)
    return radius


def _shares(hits: NDArray[np.bool_], sides: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.stack(
        [(hits & sides).sum(axis=0) / sides.sum(axis=0), (hits & ~sides).sum(axis=0) / (~sides).sum(axis=0)], axis=-1
    )


def _in_order(counts: Counts, cloud: Cloud) -> Counts:
    """Return the counts of a cloud's rows in the order of its sample."""
    ordered = np.empty_like(counts)
    ordered[cloud.order] = counts
    return ordered
