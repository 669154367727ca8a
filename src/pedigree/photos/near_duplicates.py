"""Near-duplicates: pictures that show the same photograph, also after saving again, resizing, mirroring or a small cut.

The search has two steps. Perceptual hashes find candidates: all pairs are compared by matrix products of their bits.
Then the pixels decide: one picture is aligned with the other, and they are near-duplicates if they correlate.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from pedigree.common.progress import progress
from pedigree.photos.phash import BITS, ODD, signs

CANDIDATE_BITS = 42  # of 143; hashes that differ in more are not candidates
SURE_BITS = 8  # hashes that differ in so few are those of near-duplicates: the pixels need not be compared
CORRELATION = 0.95  # of aligned pictures; nearly all pairs of Stanford Dogs above it show one photograph
GRID = 32  # pictures are aligned at 32 x 32

_ROWS = 512  # of a block of the search: 512 x 512 float32 are 1 MB, which fits in a cache of a core
_PAIRS = 512  # aligned at once
_MOST_DIFFERENT = 30  # comparisons of a picture, nearest hashes first, that may fail
_COARSE = 16
_COARSE_CORRELATION = 0.8  # at 16 x 16; below it, a pair is dropped before the finer alignment
_STEPS = 6  # Gauss-Newton steps at each scale
_LARGEST_SCALE = 1.25
_LARGEST_SHIFT = 0.2  # as a share of half the side

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of pictures by index, `first < second`; all arrays are `(n,)`."""

    first: Indices
    second: Indices
    mirrored: npt.NDArray[np.bool_]  # whether one picture is mirrored
    bits: npt.NDArray[np.floating]  # in how many bits the hashes differ

    @property
    def sure(self) -> npt.NDArray[np.bool_]:
        """Whether the hashes alone show that a pair is one of near-duplicates."""
        return self.bits <= SURE_BITS

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, chosen: slice | Indices | npt.NDArray[np.bool_]) -> "Pairs":
        return Pairs(self.first[chosen], self.second[chosen], self.mirrored[chosen], self.bits[chosen])


# With two threads, which wait for each other in small matrix products, the search took 25 to 29 times as much processor
# time beside another program.
@threadpool_limits.wrap(limits=1, user_api="blas")  # type: ignore[untyped-decorator]
def near_duplicates(
    hashes: Sequence[str], pixels: Callable[[Indices], npt.NDArray[np.uint8]], owners: Sequence[int]
) -> list[tuple[int, int]]:
    """Find near-duplicates, and return pairs of them that link each group.

    A pair that its owners or earlier pairs link already is not compared. Neither is a picture that turned out to be
    different from `_MOST_DIFFERENT` others with a similar hash. This limits the time for the photos of a fixed
    camera.

    Args:
        hashes: the perceptual hash of each picture; pictures with an empty one have no near-duplicates.
        pixels: returns the luma `(n, 32, 32)` uint8 of the pictures with these indices, which ascend. It is called for
            candidates only, once for each.
        owners: for each picture, a number that is the same for those that belong together anyway.
    """
    hashed, group, links = _joined_by_equal_hashes(hashes, owners)
    luma, different = _Luma(hashed, pixels), np.zeros(len(hashed), np.intp)
    blocks = math.ceil(len(hashed) / _ROWS)
    found = candidates([hashes[index] for index in hashed])
    for pairs in progress(found, label="near-duplicates", total=blocks * (blocks + 1) // 2, unit="block"):
        pairs = pairs[group[pairs.first] != group[pairs.second]]
        order = np.argsort(pairs.bits, kind="stable")
        for start in range(0, len(order), _PAIRS):
            some = pairs[order[start : start + _PAIRS]]
            tried = np.maximum(different[some.first], different[some.second])
            some = some[(group[some.first] != group[some.second]) & ((tried < _MOST_DIFFERENT) | some.sure)]
            alike = _are_alike(some, luma)
            for one, other in zip(some.first[alike], some.second[alike], strict=True):
                if _join(group, one, other):
                    links.append((int(hashed[one]), int(hashed[other])))
            for ends in (some.first, some.second):
                np.add.at(different, ends[~alike], 1)
    return links


def _joined_by_equal_hashes(
    hashes: Sequence[str], owners: Sequence[int]
) -> tuple[Indices, Indices, list[tuple[int, int]]]:
    """Link the pictures whose hashes are equal. An archive of many copies would have the square of them in pairs.

    Returns:
        The first picture of each hash, its group, and the links.
    """
    hashed = np.flatnonzero([bool(text) for text in hashes])
    group, links, firsts = np.asarray(owners, np.intp)[hashed], list[tuple[int, int]](), dict[str, int]()
    for place, index in enumerate(hashed.tolist()):
        first = firsts.setdefault(hashes[index], place)
        if first != place and _join(group, first, place):
            links.append((int(hashed[first]), index))
    kept = np.array(list(firsts.values()), np.intp)
    return hashed[kept], group[kept], links


def candidates(hashes: Sequence[str]) -> Iterator[Pairs]:
    """Yield in blocks all pairs of hashes that differ in at most `CANDIDATE_BITS` bits, also if one is mirrored.

    The product of two rows of signs is the sum of its even and its odd part; if one picture is mirrored, it is their
    difference. The larger of the two is even + |odd|.
    """
    rows = signs(hashes)
    even, odd, least = (
        np.ascontiguousarray(rows[:, ~ODD]),
        np.ascontiguousarray(rows[:, ODD]),
        BITS - 2 * CANDIDATE_BITS,
    )
    for start in range(0, len(rows), _ROWS):
        for begin in range(start, len(rows), _ROWS):
            ours, theirs = slice(start, start + _ROWS), slice(begin, begin + _ROWS)
            products = odd[ours] @ odd[theirs].T
            negative = products < 0
            np.abs(products, out=products)
            products += even[ours] @ even[theirs].T
            places = np.flatnonzero(products >= least)
            first, second = np.divmod(places, products.shape[1])
            differing = (BITS - products.ravel()[places]) / 2
            pairs = Pairs(first + start, second + begin, negative.ravel()[places], differing)
            yield pairs[pairs.first < pairs.second]


def groups(count: int, pairs: Iterable[tuple[int, int]]) -> Indices:
    """Return for each of `count` pictures the least index of its group: `(count,)`. Pairs join two groups."""
    group = np.arange(count)
    for one, other in pairs:
        _join(group, one, other)
    return group


def _join(group: Indices, one: int, other: int) -> bool:
    """Join the groups of two pictures under the smaller number; return whether they were different."""
    low, high = sorted((group[one], group[other]))
    if low == high:
        return False
    group[group == high] = low
    return True


class _Luma:
    """The pixels of candidates, each computed once: `luma[indices]` is `(n, GRID, GRID)` float32."""

    def __init__(self, pictures: Indices, pixels: Callable[[Indices], npt.NDArray[np.uint8]]) -> None:
        self._pictures, self._pixels = pictures, pixels
        self._known: dict[int, npt.NDArray[np.uint8]] = {}

    def __getitem__(self, indices: Indices) -> Floats:
        new = np.array(sorted(set(indices.tolist()) - self._known.keys()), np.intp)
        if len(new):
            self._known.update(zip(new.tolist(), self._pixels(self._pictures[new]), strict=True))
        luma = [self._known[index] for index in indices.tolist()]
        return np.array(luma, np.float32).reshape(-1, GRID, GRID)


def _are_alike(pairs: Pairs, luma: _Luma) -> npt.NDArray[np.bool_]:
    """Whether each pair is one of near-duplicates: by the hashes alone if they are sure, else by the pixels."""
    alike = pairs.sure
    unsure = np.flatnonzero(~alike)
    if not len(unsure):
        return alike
    one, other = luma[pairs.first[unsure]], luma[pairs.second[unsure]]
    alike[unsure] = _correlate(one, _turned(other, pairs.mirrored[unsure]))
    return alike


def _correlate(one: Floats, other: Floats) -> npt.NDArray[np.bool_]:
    """Whether pairs of pictures correlate when aligned, first at a coarse scale, which is faster."""
    score, places = _aligned(_coarse(one), _coarse(other), _unmoved(len(one)))
    alike = score >= _COARSE_CORRELATION
    score[alike] = _aligned(one[alike], other[alike], places[alike])[0]
    return np.asarray(score >= CORRELATION)


def _coarse(luma: Floats) -> Floats:
    size = GRID // _COARSE
    return np.asarray(luma.reshape(-1, _COARSE, size, _COARSE, size).mean(axis=(2, 4)), np.float32)


def _unmoved(count: int) -> Floats:
    """Return the scales and shifts of pictures that lie on each other: scale, shift to the right, scale, shift down."""
    return np.tile(np.array([1, 0, 1, 0], np.float32), (count, 1))


def _turned(luma: Floats, mirrored: npt.NDArray[np.bool_]) -> Floats:
    return np.where(mirrored[:, None, None], luma[:, :, ::-1], luma)


def _aligned(one: Floats, other: Floats, places: Floats) -> tuple[Floats, Floats]:
    """Align pictures pairwise, and return the correlation of each pair where they overlap, `(n,)`, and the alignment.

    `other` may be shifted, and scaled in both directions. Gauss-Newton steps minimise the squared difference of the
    standardised pictures (Lucas and Kanade, 1981).

    Args:
        one: luma, `(n, side, side)`.
        other: the same shape.
        places: where the alignment begins, `(n, 4)`: scale and shift to the right, scale and shift down.
    """
    side, half = one.shape[1], (one.shape[1] - 1) / 2
    ends = np.linspace(-1, 1, side, dtype=np.float32)
    down, right = (axis.ravel() for axis in np.meshgrid(ends, ends, indexing="ij"))
    slope_down, slope_right = (np.asarray(slope, np.float32) for slope in np.gradient(other, axis=(1, 2)))
    flat = one.reshape(-1, side * side)
    for step in range(_STEPS + 1):
        across, along = places[:, :1] * right + places[:, 1:2], places[:, 2:3] * down + places[:, 3:]
        inside = ((np.abs(across) <= 1) & (np.abs(along) <= 1)).astype(np.float32)
        corners = _corners((along + 1) * np.float32(half), (across + 1) * np.float32(half), side)
        target, moved = _standardised(flat, inside)[0], _bilinear(other, *corners)
        moved, deviation = _standardised(moved, inside)
        if step == _STEPS:
            break
        slopes = [_bilinear(slope, *corners) * np.float32(half) / deviation for slope in (slope_right, slope_down)]
        jacobian = np.stack([slopes[0] * right, slopes[0], slopes[1] * down, slopes[1]], axis=1) * inside[:, None]
        normal = jacobian @ jacobian.transpose(0, 2, 1) + np.float32(1e-4 * side * side) * np.eye(4, dtype=np.float32)
        change = np.linalg.solve(normal, jacobian @ ((target - moved) * inside)[..., None])[..., 0]
        places = places + np.clip(change, -0.1, 0.1)
        places[:, ::2] = np.clip(places[:, ::2], 1 / _LARGEST_SCALE, _LARGEST_SCALE)
        places[:, 1::2] = np.clip(places[:, 1::2], -_LARGEST_SHIFT, _LARGEST_SHIFT)
    return (target * moved * inside).sum(axis=1) / inside.sum(axis=1), places


def _standardised(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return weighted values with mean 0 and variance 1 in each row, and the standard deviations `(n, 1)`."""
    total = weights.sum(axis=1, keepdims=True)
    centred = values - (values * weights).sum(axis=1, keepdims=True) / total
    deviation = np.sqrt((centred * centred * weights).sum(axis=1, keepdims=True) / total + np.float32(1e-3))
    return centred / deviation, deviation


def _corners(along: Floats, across: Floats, side: int) -> tuple[Indices, Floats, Floats]:
    """Return the upper left of the four pixels around each place, and how far below and to the right it is."""
    along, across = np.clip(along, 0, side - 1.001), np.clip(across, 0, side - 1.001)
    row, column = along.astype(np.intp), across.astype(np.intp)
    return row * side + column, along - row, across - column


def _bilinear(pictures: Floats, corner: Indices, below: Floats, beside: Floats) -> Floats:
    """Return the values of `(n, side, side)` pictures between four pixels each, `(n, places)`."""
    side, flat = pictures.shape[1], pictures.reshape(len(pictures), pictures.shape[1] ** 2)

    def at(offset: int) -> Floats:
        return np.take_along_axis(flat, corner + offset, axis=1)

    upper, lower = at(0) * (1 - beside) + at(1) * beside, at(side) * (1 - beside) + at(side + 1) * beside
    return np.asarray(upper * (1 - below) + lower * below, np.float32)
