"""Diversity: how much the pictures of a breed vary compared with real ones, and which breeds have collapsed."""

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

NEAR_DUPLICATES = 0.05  # the share of near duplicates among equally many real photos; sets the twin distance
COLLAPSED_SPREAD = 0.7  # of the real mean pairwise distance; a breed significantly below has collapsed
COLLAPSED_PICTURES = 50  # a breed that draws significantly fewer different pictures has collapsed

ENOUGH_REAL, ENOUGH_GENERATED = 10, 5  # least pictures of a breed to measure twins, and to call it collapsed

CRITICAL = 2.326  # standard errors that chance exceeds once in 100 times: the significance level
_SAME = 0.01  # of the mean real distance; two pictures this near are always twins
_YARDSTICK_PHOTOS = 2000  # at most, of a breed: two million pairs are enough for the twin distance
_DISTANCES_AT_ONCE = 2**23  # float64: a block is 64 MB


@dataclass(frozen=True, eq=False)
class PerBreed:
    """A number for each breed."""

    value: Floats  # (breeds,); NaN if a breed has too few pictures
    standard_error: Floats  # (breeds,); NaN if it has too few pictures for a standard error

    def mean(self) -> Estimate:
        """Return the average over the breeds that have a value, with equal weights; NaN if none has.

        A breed without a standard error gets that of the others.
        """
        known = np.isfinite(self.value)
        if not known.any():
            return Estimate(math.nan, math.nan)
        squares = self.standard_error[known] ** 2
        finite = squares[np.isfinite(squares)]
        error = math.sqrt(finite.mean() / np.count_nonzero(known)) if len(finite) else math.nan
        return Estimate(self.value[known].mean(), error)


@dataclass(frozen=True, eq=False)
class Collapse:
    """How varied each breed's generated pictures are, compared with its real ones."""

    collapsed: NDArray[np.bool_]  # (breeds,)
    spread: PerBreed  # mean pairwise distance of the generated pictures
    spread_real: PerBreed  # the same of the real ones
    ratio: PerBreed  # generated mean pairwise distance divided by the real one; 1 is as varied
    near_duplicates: PerBreed  # the share of generated pictures with a twin; see `collapse`
    different: Floats  # (breeds,): the effective number of different generated pictures; NaN if not known


def mean_pairwise_distance(features: Features) -> Estimate:
    """Return the mean Euclidean distance of all pairs of rows, with the jackknife standard error of a U-statistic.

    Args:
        features: `(n, d)`, n at least 2; computed in float64, in blocks.

    Returns:
        The mean, in units of the features. Its standard error (Arvesen, 1969) is NaN for two rows.

    Raises:
        ValueError: `features` is not an array of features, or has fewer than two rows.
    """
    check_features(minimum=2, features=features)
    means = np.concatenate([block.sum(axis=1) for block in _distances(features)]) / (len(features) - 1)
    return _average_of_pairs(means)


def mean_pairwise_distance_per_breed(features: Features, labels: Labels, breeds: int) -> PerBreed:
    """Return `mean_pairwise_distance` for each breed: NaN with fewer than 2 pictures, its error NaN with fewer than 3.

    Args:
        features: `(n, d)`.
        labels: `(n,)` in 0..breeds-1.
        breeds: the number of breeds; a breed may have no pictures.

    Raises:
        ValueError: the features or labels are not as above.
    """
    check_features(minimum=0, features=features)
    check_labels(labels, len(features), breeds)
    groups = _grouped(features, labels, breeds)
    return _per_breed(mean_pairwise_distance(group) if len(group) > 1 else None for group in groups)


def collapse(
    real: Features, real_labels: Labels, generated: Features, generated_labels: Labels, breeds: int
) -> Collapse:
    """Find the breeds whose generated pictures are significantly too similar.

    A breed has collapsed if one of these holds significantly, that is, by 2.3 standard errors:

    - It is contracted: its mean pairwise distance is below 0.7 of the real one.
    - It repeats itself: it draws fewer than 50 different pictures. Two pictures are twins if they are so near, relative
      to the variety of the breed, that only 5 in 100 of equally many real photos of a breed have a twin, in the median
      of the breeds. If there are too few real photos for such pairs, the limit comes from a normal distribution of
      their distances. If k pictures are equally likely, one pair in k is of twins (the birthday paradox; Arora and
      Zhang, 2017), so the reciprocal of that share is the number of different pictures. Because the limit is relative
      to the variety, shapeless pictures with similar features do not count as twins.

    `different` is the same count within the drawn pictures: the Vendi score of order 2 (Pasarkar and Dieng, 2023) with
    the similarity 1 for twins and 0 for all other pairs.

    Ten repeated pictures are detected from about 40 drawn pictures of a breed on. A breed with fewer than 5 drawn
    pictures is never called collapsed. With fewer than 10 real photos, numbers that depend on twins are NaN. With
    held-out photos as `generated`, the result is that of real photos.

    Args:
        real, generated: `(n, d)` and `(m, d)` features.
        real_labels, generated_labels: `(n,)` and `(m,)` in 0..breeds-1.
        breeds: the number of breeds; a breed may have no pictures.

    Raises:
        ValueError: the features or labels are not as above.
    """
    check_features(minimum=0, real=real, generated=generated)
    spread_real = mean_pairwise_distance_per_breed(real, real_labels, breeds)
    spread = mean_pairwise_distance_per_breed(generated, generated_labels, breeds)
    counts_real, counts = (np.bincount(labels, minlength=breeds) for labels in (real_labels, generated_labels))
    ratio = _ratio(spread, spread_real)
    usual = spread_real.standard_error * np.sqrt(counts_real / np.maximum(counts, 1))  # of equally many real photos
    noise = np.maximum(ratio.standard_error, _ratio(PerBreed(spread_real.value, usual), spread_real).standard_error)
    contracted = ratio.value + CRITICAL * noise < COLLAPSED_SPREAD
    groups, groups_real = _grouped(generated, generated_labels, breeds), _grouped(real, real_labels, breeds)
    near = _yardstick(groups_real, counts)
    limits = np.maximum(near * np.fmin(spread.value, spread_real.value), _SAME * spread_real.value)
    enough = (counts > 1) & (counts_real >= ENOUGH_REAL)
    twins = [_twins(groups[b], limits[b]) if enough[b] else (None, None) for b in range(breeds)]
    rate, share = _per_breed(rate for rate, _ in twins), _per_breed(share for _, share in twins)
    repeating = rate.value - CRITICAL * rate.standard_error > 1 / COLLAPSED_PICTURES
    different = counts / (1 + (counts - 1) * rate.value)
    collapsed = (contracted | repeating) & (counts >= ENOUGH_GENERATED)
    return Collapse(collapsed, spread, spread_real, ratio, share, different)


def _grouped(features: Features, labels: Labels, breeds: int) -> list[Features]:
    return [features[labels == breed] for breed in range(breeds)]


def _per_breed(estimates: Iterable[Estimate | None]) -> PerBreed:
    known = [Estimate(math.nan, math.nan) if estimate is None else estimate for estimate in estimates]
    return PerBreed(np.array(known, np.float64), np.array([estimate.standard_error for estimate in known]))


def _ratio(one: PerBreed, other: PerBreed) -> PerBreed:
    """Divide independent numbers. NaN if the divisor is 0."""
    divisor = np.where(other.value > 0, other.value, math.nan)
    value = one.value / divisor
    return PerBreed(value, np.hypot(one.standard_error, value * other.standard_error) / divisor)


def _distances(features: Features) -> Iterator[Floats]:
    """Yield the distances of all rows to all rows, in blocks of rows: `(rows, n)`."""
    exact = features.astype(np.float64)
    exact -= exact.mean(axis=0)  # a common offset would only cost precision
    squares = np.einsum("ij,ij->i", exact, exact)
    step = max(1, _DISTANCES_AT_ONCE // len(exact))
    for start in range(0, len(exact), step):
        block = slice(start, start + step)
        squared = squares[block, None] + squares - 2 * (exact[block] @ exact.T)
        squared[np.arange(len(squared)), np.arange(len(squared)) + start] = 0.0
        yield np.sqrt(np.maximum(squared, 0.0))


def _average_of_pairs(means: Floats) -> Estimate:
    """Return the mean over all pairs, given each row's mean over its pairs, with the jackknife standard error."""
    count = len(means)
    if count < 3:
        return Estimate(means.mean(), math.nan)
    variance = 4 * (count - 1) / (count * (count - 2) ** 2) * np.square(means - means.mean()).sum()
    return Estimate(means.mean(), math.sqrt(variance))


def _yardstick(real: list[Features], counts: NDArray[np.integer]) -> float:
    """Return the twin distance, relative to the mean distance: the median over breeds with enough photos, or NaN."""
    distances = [
        _twin_distance(photos, count)
        for photos, count in zip(real, counts.tolist(), strict=True)
        if count > 1 and len(photos) >= ENOUGH_REAL
    ]
    return float(np.median(distances)) if distances else math.nan


def _twins(generated: Features, limit: float) -> tuple[Estimate, Estimate]:
    """Return the share of pairs that are nearer than `limit`, and the share of pictures in such a pair."""
    twins = np.vstack([block < limit for block in _distances(generated)])
    np.fill_diagonal(twins, False)
    return _average_of_pairs(twins.sum(axis=1) / (len(twins) - 1)), _share_with_twin(twins)


def _twin_distance(real: Features, count: int) -> float:
    """Return the distance, relative to the mean, at which `NEAR_DUPLICATES` of `count` real pictures have a twin."""
    chosen = np.linspace(0, len(real) - 1, min(len(real), _YARDSTICK_PHOTOS)).astype(np.intp)
    pairs = np.vstack(list(_distances(real[chosen])))[np.triu_indices(len(chosen), 1)]
    mean, rate = float(pairs.mean()), NEAR_DUPLICATES / (count - 1)
    place = int(rate * len(pairs))
    distance = float(np.partition(pairs, place)[place])
    if place == 0:
        distance = min(distance, mean + NormalDist().inv_cdf(rate) * float(pairs.std()))
    return max(distance / mean, 0.0) if mean else 0.0


def _share_with_twin(twins: NDArray[np.bool_]) -> Estimate:
    """Return the share of rows with a twin. Its standard error is NaN with fewer than 3 rows, else at least one row.

    The number of rows without a twin is modelled as Poisson, with a correction for the fixed number of rows: one more
    row changes that number by (rows without − rows with a single twin) / rows. The error is up to a third too large.
    """
    counts, total = twins.sum(axis=1), len(twins)
    without, single = np.count_nonzero(counts == 0), np.count_nonzero(counts == 1)
    variance = max(1.0, without - (without - single) ** 2 / total)
    return Estimate(1 - without / total, math.sqrt(variance) / total if total > 2 else math.nan)
