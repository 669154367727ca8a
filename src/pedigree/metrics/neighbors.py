"""Exact nearest neighbours: float32 matrix products bound every distance, and float64 decides the close cases.

`manifold.py` says why this is our own.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Exact = NDArray[np.float64]
Indices = NDArray[np.intp]

BLOCK = 1024  # rows and columns of a block of distances: 4 MB of float32

_DIFFERENCES_AT_ONCE = 1 << 20  # numbers, 8 MB in float64
_CANDIDATES_AT_ONCE = 1 << 22
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Cloud:
    """A sample of `(n, d)` features, prepared for bounds on its squared distances, which are multiplied by `scale`².

    The rows are in the order of their digests. That order is random, but does not depend on the order of the sample.
    In this module and in its results, a row's index is its place in that order.
    """

    sample: NDArray[np.floating]  # (n, d), in its own order
    order: Indices  # (n,): the row of the sample at each place
    scale: float  # a power of two by which features are multiplied
    factors: Floats  # (n, d + 2): centred features x, 1, (1 − c)|x|²
    slack: Floats  # (n,): 2c|x|²; a squared distance is at most both rows' slacks above its lower bound

    def __len__(self) -> int:
        return len(self.order)

    def blocks(self, neighbors: int = 0, size: int = BLOCK) -> Iterator[slice]:
        """Split the rows evenly into blocks of about `size`, with more than `neighbors` rows if there are enough."""
        count = max(1, len(self) // max(size, neighbors + 1))
        edges = np.linspace(0, len(self), count + 1).astype(int)
        return map(slice, edges[:-1], edges[1:])

    def recentred(self) -> "Cloud":
        """Return the cloud with its own mean as the origin, which makes the bounds as tight as possible."""
        return _cloud(self.sample, self.sample.mean(axis=0, dtype=np.float64), self.scale, self.order)

    def lower_bounds(self, rows: slice | Indices, other: "Cloud", columns: slice) -> Floats:
        """Return lower bounds on the squared distances between rows of two clouds, `(rows, columns)`."""
        left = -2 * self.factors[rows]
        left[:, -2], left[:, -1] = self.factors[rows, -1], 1
        return np.asarray(left @ other.factors[columns].T)

    def distances(self, rows: Indices, other: "Cloud", columns: Indices) -> Exact:
        """Return the squared distance of each pair, from differences in float64."""
        squares, step = np.empty(len(rows)), max(1, _DIFFERENCES_AT_ONCE // self.sample.shape[1])
        for first in range(0, len(rows), step):
            some = slice(first, first + step)
            ours, theirs = self.sample[self.order[rows[some]]], other.sample[other.order[columns[some]]]
            apart = np.subtract(ours, theirs, dtype=np.float64) * self.scale
            squares[some] = np.einsum("ij,ij->i", apart, apart)
        return squares


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The nearest other rows of each row of a cloud."""

    radius: Exact  # (n,): the squared distance to the k-th nearest
    nearest: Indices  # (n, kept): the nearest rows, approximately (in float32); −1 if there are fewer
    distance: Floats  # (n, kept): lower bounds on their squared distances, ascending; inf if there are fewer


def clouds(*samples: NDArray[np.floating]) -> list[Cloud]:
    """Move the origin of several samples to the mean of the first, and scale all by the same factor.

    The bounds hold for any order of summation. With u = 2⁻²⁴, the error of the product of two rows of d + 2 factors is
    at most (d + 2)u(2|x||y| + |x|² + |y|²) ≤ 2(d + 2)u(|x|² + |y|²). Rounding the features and norms adds less than 8u
    of the same (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). A last term covers underflow.
    """
    centre = samples[0].mean(axis=0, dtype=np.float64)
    ends = [end - centre for sample in samples for end in (sample.min(axis=0), sample.max(axis=0))]
    scale = float(2.0 ** -np.frexp(np.abs(ends).max() * np.sqrt(len(centre)))[1])
    return [_cloud(sample, centre, scale, _order(sample)) for sample in samples]


def sparse(mask: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Return the same as `np.nonzero`, perhaps in another order; ten times as fast if few of the mask are set."""
    if not mask.flags.c_contiguous:
        columns, rows = sparse(mask.T)
    else:
        rows, columns = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return rows, columns


def nearest(cloud: Cloud, neighbors: int, keep: int, block: int = BLOCK) -> Neighbors:
    """Find every row's exact distance to its `neighbors`-th nearest other row, and approximately its `keep` nearest.

    The distances within a block of rows, which is a random sample, limit how far away a neighbour can be. Each block of
    distances is computed once, for its rows and its columns. Only pairs below the limits are kept as candidates.
    """
    candidates = _Candidates(cloud, neighbors, min(keep, len(cloud) - 1))
    blocks = list(cloud.blocks(neighbors, block))
    for rows in blocks:
        lower = cloud.lower_bounds(rows, cloud, rows)
        np.fill_diagonal(lower, np.inf)
        candidates.limit_from(lower, rows)
        candidates.add(lower, rows, rows)
    for place, rows in enumerate(blocks):
        for columns in blocks[place + 1 :]:
            lower = cloud.lower_bounds(rows, cloud, columns)
            candidates.add(lower, rows, columns)
            candidates.add(lower.T, columns, rows)
    return candidates.settle()


class _Candidates:
    """The pairs of rows that may be neighbours. `shorten` keeps at most `keep` pairs for each row."""

    def __init__(self, cloud: Cloud, neighbors: int, keep: int) -> None:
        self.cloud, self.neighbors, self.keep = cloud, neighbors, keep
        self.limit = np.full(len(cloud), np.inf, np.float32)  # pairs with a larger lower bound are ignored
        self.lost = np.full(len(cloud), np.inf, np.float32)  # every dropped pair has at least this lower bound
        self.rows: list[Indices] = []
        self.columns: list[Indices] = []
        self.lower: list[Floats] = []

    def limit_from(self, lower: Floats, rows: slice) -> None:
        """Set the limits of a block's rows from the distances within it, for about `keep` candidates in the cloud."""
        slack = self.cloud.slack[rows]
        share = -(-self.keep * len(slack) // len(self.cloud))
        rank = min(max(self.neighbors, share), len(slack) - 1)
        upper = lower + (slack[:, None] + slack)
        self.limit[rows] = np.partition(upper, rank - 1, axis=1)[:, rank - 1]

    def add(self, lower: Floats, rows: slice, columns: slice) -> None:
        """Add the pairs of a block that are within the limits of its rows."""
        near = sparse(lower <= self.limit[rows, None])
        self.rows.append(near[0] + rows.start)
        self.columns.append(near[1] + columns.start)
        self.lower.append(lower[near])
        if sum(map(len, self.rows)) > _CANDIDATES_AT_ONCE + self.keep * len(self.cloud):
            self.shorten()

    def shorten(self) -> Indices:
        """Keep each row's candidates with the least lower bounds. Return their ranks."""
        rows, columns, lower = np.concatenate(self.rows), np.concatenate(self.columns), np.concatenate(self.lower)
        order = np.lexsort((lower, rows))
        rows, columns, lower = rows[order], columns[order], lower[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        dropped = rank == self.keep
        self.lost[rows[dropped]] = np.minimum(self.lost[rows[dropped]], lower[dropped])
        self.limit = np.minimum(self.limit, self.lost)
        kept = rank < self.keep
        self.rows, self.columns, self.lower = [rows[kept]], [columns[kept]], [lower[kept]]
        return np.asarray(rank[kept])

    def settle(self) -> Neighbors:
        """Compute in float64 the distances of those candidates that may be the k-th nearest."""
        rank = self.shorten()
        rows, columns, lower, slack = self.rows[0], self.columns[0], self.lower[0], self.cloud.slack
        shape = len(self.cloud), self.keep
        nearest_rows, distance = np.full(shape, -1), np.full(shape, np.inf, np.float32)
        upper, exact = np.full(shape, np.inf, np.float32), np.full(shape, np.inf)
        nearest_rows[rows, rank], distance[rows, rank] = columns, lower
        upper[rows, rank] = lower + (slack[rows] + slack[columns])
        most = self._kth(upper)
        close = lower <= most[rows]
        exact[rows[close], rank[close]] = self.cloud.distances(rows[close], self.cloud, columns[close])
        radius = np.asarray(self._kth(exact), np.float64)
        open_rows = np.flatnonzero(radius > np.maximum(self.lost, 0))
        for first in range(0, len(open_rows), _ROWS_AT_ONCE):
            some = open_rows[first : first + _ROWS_AT_ONCE]
            radius[some] = self._radius_among_all(some, most[some])
        return Neighbors(radius, nearest_rows, distance)

    def _radius_among_all(self, rows: Indices, most: NDArray[np.floating]) -> Exact:
        """Return the radius of rows with too many candidates: many other rows are at about the same distance."""
        lower = self.cloud.lower_bounds(rows, self.cloud, slice(0, len(self.cloud)))
        row, column = sparse(lower <= most[:, None])
        exact = np.full(lower.shape, np.inf)
        exact[row, column] = self.cloud.distances(rows[row], self.cloud, column)
        return np.asarray(np.partition(exact, self.neighbors, axis=1)[:, self.neighbors])  # the row itself is at 0

    def _kth(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(np.partition(values, self.neighbors - 1, axis=1)[:, self.neighbors - 1])


def _order(sample: NDArray[np.floating]) -> Indices:
    return np.argsort([hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in sample], kind="stable")


def _cloud(sample: NDArray[np.floating], centre: Exact, scale: float, order: Indices) -> Cloud:
    rows, dimension = sample.shape
    factors = np.ones((rows, dimension + 2), np.float32)
    for first in range(0, rows, BLOCK):
        some = slice(first, first + BLOCK)
        factors[some, :dimension] = (sample[order[some]] - centre) * scale
    norms = np.einsum("ij,ij->i", factors[:, :dimension], factors[:, :dimension], dtype=np.float64)
    slack = (2 * dimension + 16) * 2.0**-24 * norms + 1e-30
    factors[:, -1] = norms - slack
    return Cloud(sample, order, scale, factors, (2 * slack).astype(np.float32))
