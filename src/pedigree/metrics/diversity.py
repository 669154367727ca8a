"""How much the pictures of a breed vary, beside real ones, and which breeds have collapsed onto a few pictures."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_features, check_labels
from pedigree.metrics.estimate import Estimate

Features = NDArray[np.floating]
Labels = NDArray[np.integer]
Floats = NDArray[np.float64]

NEAR_DUPLICATES = 0.05  # the share of near duplicates among as many real photos of a breed: what sets the yardstick
COLLAPSED_SPREAD = 0.7  # of the real mean pairwise distance: a breed clearly below has collapsed
COLLAPSED_PICTURES = 50  # a breed that clearly draws fewer different ones, however many are asked for, has collapsed

ENOUGH_REAL, ENOUGH_GENERATED = 10, 5  # pictures of a breed: fewer tell too little of twins, or of collapse

CRITICAL = 2.326  # standard errors that chance exceeds once in 100 times: what "clearly" means
_SAME = 0.01  # of the mean real distance: so near, two pictures are twins whatever the others do
_YARDSTICK_PHOTOS = 2000  # of a breed, at most: two million pairs tell the nearest ones well enough
_DISTANCES_AT_ONCE = 2**23  # float64: a block is 64 MB


@dataclass(frozen=True, eq=False)
class PerBreed:
    """A number a breed."""

    value: Floats  # (breeds,); NaN where a breed has too few pictures
    standard_error: Floats  # (breeds,); NaN where it has too few to tell

    def mean(self) -> Estimate:
        """Average over the breeds that have a value, each counting the same; NaN where none has.

        A breed without a standard error is given that of the others.
        """
        known = np.isfinite(self.value)
        if not known.any():
            return Estimate(math.nan, math.nan)
        squares = self.standard_error[known] ** 2
        told = squares[np.isfinite(squares)]
        error = math.sqrt(told.mean() / np.count_nonzero(known)) if len(told) else math.nan
        return Estimate(self.value[known].mean(), error)


@dataclass(frozen=True, eq=False)
class Collapse:
    """How varied each breed's generated pictures are, beside its real ones."""

    collapsed: NDArray[np.bool_]  # (breeds,)
    spread: PerBreed  # mean pairwise distance of the generated pictures
    spread_real: PerBreed  # the same of the real ones
    ratio: PerBreed  # generated mean pairwise distance by the real one; 1: as varied
    near_duplicates: PerBreed  # the share of generated pictures with a twin; see `collapse`
    different: Floats  # (breeds,): how many different pictures the generated ones are worth; NaN where not to be told


def mean_pairwise_distance(features: Features) -> Estimate:
    """Average the Euclidean distance over all pairs of rows; its standard error is the jackknife's of a U-statistic.

    Args:
        features: `(n, d)`, n at least 2; computed in float64, a block at a time.

    Returns:
        The mean, in units of the features; its standard error (Arvesen, 1969) is NaN at two rows.

    Raises:
        ValueError: not features, or fewer than two rows.
    """
    check_features(minimum=2, features=features)
    means = np.concatenate([block.sum(axis=1) for block in _distances(features)]) / (len(features) - 1)
    return _average_of_pairs(means)


def mean_pairwise_distance_per_breed(features: Features, labels: Labels, breeds: int) -> PerBreed:
    """Return `mean_pairwise_distance` within each breed; NaN where it has fewer than 2 pictures, or no error under 3.

    Args:
        features: `(n, d)`.
        labels: `(n,)` in 0..breeds-1.
        breeds: how many there are, whether or not all of them occur.

    Raises:
        ValueError: features or labels that are not as above.
    """
    check_features(minimum=0, features=features)
    check_labels(labels, len(features), breeds)
    groups = _grouped(features, labels, breeds)
    return _per_breed(mean_pairwise_distance(group) if len(group) > 1 else None for group in groups)


def collapse(
    real: Features, real_labels: Labels, generated: Features, generated_labels: Labels, breeds: int
) -> Collapse:
    """Find the breeds whose generated pictures are clearly too much alike.

    A breed has collapsed if either is so beyond noise (2.3 standard errors):

    - it is contracted: its mean pairwise distance is below 0.7 of the real one;
    - it repeats itself: it draws fewer than 50 different pictures. Two pictures are twins if they are nearer, for how
      varied the breed's pictures are, than real ones come to each other: so near that 5 in 100 of as many real photos
      of a breed would have a twin, in the median of the breeds. Where real photos are too few to show such pairs, the
      distance is that of a normal distribution of their distances. If all of k pictures are as likely, one pair in k is
      of twins (the birthday paradox; Arora and Zhang, 2017), so the reciprocal of that share says how many different
      ones there are. Shapeless pictures, whose features all lie close, are not for that the same ones.

    How many different pictures the drawn ones are worth is the same count of them alone: the Vendi score of order 2
    (Pasarkar and Dieng, 2023) whose similarity is 1 for twins and else 0.

    Ten pictures shown again and again are told from some 40 drawn of a breed. A breed with fewer than 5 drawn is never
    called collapsed, and one with fewer than 10 real photos has no yardstick for twins: NaN, where a number needs it.
    Held-out photos in the generated ones' place show what real photos reach.

    Args:
        real, generated: `(n, d)` and `(m, d)` features.
        real_labels, generated_labels: `(n,)` and `(m,)` in 0..breeds-1.
        breeds: how many there are, whether or not all of them occur.

    Raises:
        ValueError: features or labels that are not as above.
    """
    check_features(minimum=0, real=real, generated=generated)
    spread_real = mean_pairwise_distance_per_breed(real, real_labels, breeds)
    spread = mean_pairwise_distance_per_breed(generated, generated_labels, breeds)
    counts_real, counts = (np.bincount(labels, minlength=breeds) for labels in (real_labels, generated_labels))
    ratio = _ratio(spread, spread_real)
    usual = spread_real.standard_error * np.sqrt(counts_real / np.maximum(counts, 1))  # of as many real photos
    noise = np.maximum(ratio.standard_error, _ratio(PerBreed(spread_real.value, usual), spread_real).standard_error)
    contracted = ratio.value + CRITICAL * noise < COLLAPSED_SPREAD
    groups, groups_real = _grouped(generated, generated_labels, breeds), _grouped(real, real_labels, breeds)
    near = _yardstick(groups_real, counts)
    limits = np.maximum(near * np.fmin(spread.value, spread_real.value), _SAME * spread_real.value)
    told = (counts > 1) & (counts_real >= ENOUGH_REAL)
    twins = [_twins(groups[b], limits[b]) if told[b] else (None, None) for b in range(breeds)]
    rate, share = _per_breed(rate for rate, _ in twins), _per_breed(share for _, share in twins)
    repeating = rate.value - CRITICAL * rate.standard_error > 1 / COLLAPSED_PICTURES
    different = counts / (1 + (counts - 1) * rate.value)
    collapsed = (contracted | repeating) & (counts >= ENOUGH_GENERATED)
    return Collapse(collapsed, spread, spread_real, ratio, share, different)


def _grouped(features: Features, labels: Labels, breeds: int) -> list[Features]:
    return [features[labels == breed] for breed in range(breeds)]


def _per_breed(estimates: Iterable[Estimate | None]) -> PerBreed:
    told = [Estimate(math.nan, math.nan) if estimate is None else estimate for estimate in estimates]
    return PerBreed(np.array(told, np.float64), np.array([estimate.standard_error for estimate in told]))


def _ratio(one: PerBreed, other: PerBreed) -> PerBreed:
    """Divide independent numbers; NaN where the divisor is 0."""
    divisor = np.where(other.value > 0, other.value, math.nan)
    value = one.value / divisor
    return PerBreed(value, np.hypot(one.standard_error, value * other.standard_error) / divisor)


def _distances(features: Features) -> Iterator[Floats]:
    """Yield the distances of all rows to all rows, a block of rows at a time: `(rows, n)`."""
    exact = features.astype(np.float64)
    exact -= exact.mean(axis=0)  # nothing but digits is lost to a common offset
    squares = np.einsum("ij,ij->i", exact, exact)
    step = max(1, _DISTANCES_AT_ONCE // len(exact))
    for start in range(0, len(exact), step):
        block = slice(start, start + step)
        squared = squares[block, None] + squares - 2 * (exact[block] @ exact.T)
        squared[np.arange(len(squared)), np.arange(len(squared)) + start] = 0.0
        yield np.sqrt(np.maximum(squared, 0.0))


def _average_of_pairs(means: Floats) -> Estimate:
    """Average over pairs from each row's mean over its pairs, with the jackknife's standard error."""
    count = len(means)
    if count < 3:
        return Estimate(means.mean(), math.nan)
    variance = 4 * (count - 1) / (count * (count - 2) ** 2) * np.square(means - means.mean()).sum()
    return Estimate(means.mean(), math.sqrt(variance))


def _yardstick(real: list[Features], counts: NDArray[np.integer]) -> float:
    """Return how near twins are, as a share of the mean distance: the median over the breeds that can tell, or NaN."""
    found = [
        _twin_distance(photos, count)
        for photos, count in zip(real, counts.tolist(), strict=True)
        if count > 1 and len(photos) >= ENOUGH_REAL
    ]
    return float(np.median(found)) if found else math.nan


def _twins(generated: Features, limit: float) -> tuple[Estimate, Estimate]:
    """Return the share of pairs that are nearer than `limit`, and of pictures that are in such a pair."""
    twins = np.vstack([block < limit for block in _distances(generated)])
    np.fill_diagonal(twins, False)
    return _average_of_pairs(twins.sum(axis=1) / (len(twins) - 1)), _share_with_twin(twins)


def _twin_distance(real: Features, count: int) -> float:
    """Return how near, as a share of the mean distance, `NEAR_DUPLICATES` of `count` real pictures have another."""
    chosen = np.linspace(0, len(real) - 1, min(len(real), _YARDSTICK_PHOTOS)).astype(np.intp)
    pairs = np.vstack(list(_distances(real[chosen])))[np.triu_indices(len(chosen), 1)]
    mean, rate = float(pairs.mean()), NEAR_DUPLICATES / (count - 1)
    place = int(rate * len(pairs))
    distance = float(np.partition(pairs, place)[place])
    if place == 0:
        distance = min(distance, mean + NormalDist().inv_cdf(rate) * float(pairs.std()))
    return max(distance / mean, 0.0) if mean else 0.0


def _share_with_twin(twins: NDArray[np.bool_]) -> Estimate:
    """Return the share of rows with a twin; NaN standard error under 3 rows, else at least one row's worth.

    How many are without is taken to follow Poisson's law, less what fixing the number of rows takes from it: one more
    changes that count by (rows without − rows with a single twin) / rows. Up to a third too large.
    """
    counts, total = twins.sum(axis=1), len(twins)
    without, single = np.count_nonzero(counts == 0), np.count_nonzero(counts == 1)
    variance = max(1.0, without - (without - single) ** 2 / total)
    return Estimate(1 - without / total, math.sqrt(variance) / total if total > 2 else math.nan)
