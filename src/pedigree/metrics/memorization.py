"""Memorisation: whether generated pictures are nearer to the training photos than real photos are."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedigree.common.measures import COPIES, NO_COPIES, CopyingVerdict
from pedigree.metrics import check_features
from pedigree.metrics.estimate import Estimate, share_of, standard_error

Features = NDArray[np.floating]
Distances = NDArray[np.float64]

SUSPICIOUS_SHARE = 0.01  # of held-out photos; a picture nearer to a training photo than the other 99 % is a suspect
TOLERATED_SUSPECTS = 0.05  # of generated pictures; clearly more suspects are copies

_CRITICAL = 2.326  # the significance level of both tests, in standard deviations: 1 of 100 normal numbers exceeds it
_CHANCE = 0.01  # the same as a probability
_PRODUCTS_AT_ONCE = 2**22  # float32: a block is 16 MB


@dataclass(frozen=True, eq=False)
class Nearest:
    """The training photo nearest to each picture."""

    indices: NDArray[np.intp]  # (m,)
    distances: Distances  # (m,): the cosine distance to it, 1 − |cos|, in 0..1
    directed: NDArray[np.bool_]  # (m,): False for a row of zeros, which has no direction

    @property
    def distance(self) -> Estimate:
        """The memorisation distance; see `memorization_distance`."""
        distances = self.distances[self.directed]
        if not len(distances):
            raise ValueError(
                f"generated must have a row that is not all zeros. Received: {len(self.distances)} rows of zeros"
            )
        deviation = float(distances.std(ddof=1)) if len(distances) > 1 else math.nan
        return Estimate(distances.mean(), deviation / math.sqrt(len(distances)))


@dataclass(frozen=True)
class Copying:
    """Whether generated pictures are nearer to the training photos than held-out photos are."""

    verdict: CopyingVerdict
    suspects: Estimate  # the share of generated pictures nearer than `suspicious`
    suspicious: float  # the cosine distance that 1 of 100 held-out photos is below
    nearer: Estimate  # the chance that a generated picture is nearer than a held-out one; 0.5 is like real photos
    nearer_on_average: bool  # `nearer` is significantly above 0.5
    many_suspects: bool  # `suspects` is significantly above 0.05


def nearest_training(train: Features, generated: Features) -> Nearest:
    """Find the training photo with the least cosine distance, 1 − |cos|, to each picture.

    The search is in float32, in blocks; the distance to the result is then computed in float64. If several photos are
    within about 1e-6 of the nearest, the result may be any of them. A row of zeros has no direction: such a training
    photo is never the nearest, and such a generated picture has the distance 1 to the first of the others.

    Args:
        train: `(n, d)` features.
        generated: `(m, d)` features of generated pictures, or of held-out photos for comparison.

    Raises:
        ValueError: either is not an array of features, or all training rows are zeros.
    """
    check_features(train=train, generated=generated)
    usable = np.flatnonzero(train.any(axis=1))
    if not len(usable):
        raise ValueError(f"train must have a row that is not all zeros. Received: {len(train)} rows of zeros")
    units = _unit_rows(train if len(usable) == len(train) else train[usable])
    indices, distances = np.empty(len(generated), np.intp), np.empty(len(generated))
    step = max(1, _PRODUCTS_AT_ONCE // len(units))
    for start in range(0, len(generated), step):
        block = slice(start, start + step)
        cosines = _unit_rows(generated[block]) @ units.T
        indices[block] = usable[np.abs(cosines, out=cosines).argmax(axis=1)]
        distances[block] = _cosine_distances(train[indices[block]], generated[block])
    return Nearest(indices, distances, np.asarray(generated.any(axis=1)))


def memorization_distance(real: Features, generated: Features) -> Estimate:
    """Return the memorisation distance: the average distance of a generated picture to its nearest real one.

    The definition is that of Kaggle's Generative Dog Images (2019): remove rows of zeros from both samples, then take
    the mean over the generated rows of the minimum over the real rows of 1 − |cos|. The standard error is for other
    pictures of the same generator and the same real pictures. It is NaN for a single picture.

    Args:
        real: `(n, d)` features of the training photos.
        generated: `(m, d)` features.

    Raises:
        ValueError: either is not an array of features, or has only rows of zeros.
    """
    return nearest_training(real, generated).distance


def memorization_informed_frechet_distance(frechet: float, distance: float, *, epsilon: float) -> Estimate:
    """Return Kaggle's MiFID (2019): the Fréchet distance, divided by the memorisation distance if that is too small.

    This is frechet / (d + 1e-15), where d is `distance` if it is below `epsilon`, else 1. The standard error is that of
    the ratio of two independent numbers. A number without a standard error counts as exact.

    Args:
        frechet: the Fréchet distance, an `Estimate` if its standard error is known.
        distance: the memorisation distance, likewise.
        epsilon: Kaggle used 0.1 for Inception-2015 and 0.25 for NASNet; there is no value for other networks.
    """
    divisor = (distance if distance < epsilon else 1.0) + 1e-15
    value = frechet / divisor
    spread = (standard_error(frechet) or 0.0) / divisor
    penalty = value * (standard_error(distance) or 0.0) / divisor if distance < epsilon else 0.0
    return Estimate(value, math.hypot(spread, penalty))


def judge_copying(generated: Nearest, holdout: Nearest) -> Copying:
    """Test whether generated pictures are significantly nearer to the training photos than held-out photos are.

    The verdict is "copies" if one of two tests is positive. Each is wrong about real photos at most once in 100 times.

    - On average: the Mann-Whitney test of Meehan, Chaudhuri and Dasgupta (2020). It detects generators whose pictures
      are all too near to the training photos. Pictures with the same nearest photo do not count as independent, so a
      generator that draws few different pictures is not judged by chance.
    - In part: significantly more than 5 of 100 pictures are suspects, that is, nearer than 99 of 100 held-out photos.
      The test allows for the small number of held-out photos that set this distance. It detects generators that copy a
      tenth of their pictures. The least number of suspects is 7 in 100 for 1,000 pictures, 11 in 100 for 100 pictures,
      and 17 in 100 with only 25 held-out photos. Suspects with the same nearest photo count as few here too, unless
      they are nearer than half that distance: copies are, even if mirrored or shifted by a few pixels, and held-out
      photos hardly ever are.

    "fine" only means that nothing was copied; it says nothing about quality. Blurred pictures or noise are far from the
    training photos too. "copies" with few suspects can also mean that pictures are more typical than real photos: look
    at the pictures.

    Args:
        generated: `nearest_training` of the generated pictures.
        holdout: `nearest_training` of real photos that were not used for training, with the same training photos.

    Raises:
        ValueError: there are no generated or no held-out pictures.
    """
    pictures, photos = len(generated.distances), len(holdout.distances)
    if not pictures or not photos:
        raise ValueError(f"Copying needs generated and held-out pictures. Received: {pictures} and {photos}")
    rank, suspicious = _suspicious_rank(photos), suspicious_distance(holdout)
    suspects, plain = (int((generated.distances < bound).sum()) for bound in (suspicious, suspicious / 2))
    worth = _independent(generated) / pictures
    many = any(
        _lower_bound(count, total) > TOLERATED_SUSPECTS and _chance_of_as_many(count, total, rank, photos) < _CHANCE
        for count, total in ((plain, pictures), (round(suspects * worth), round(pictures * worth)))
    )
    nearer = _chance_to_be_nearer(generated.distances, holdout.distances)
    noise = np.fmax(nearer.standard_error, _deviation_of_chance(_independent(generated), _independent(holdout)))
    on_average = bool(nearer - 0.5 > _CRITICAL * noise)
    verdict = COPIES if on_average or many else NO_COPIES
    return Copying(verdict, share_of(suspects, pictures), suspicious, nearer, on_average, many)


def suspicious_distance(holdout: Nearest) -> float:
    """Return the distance to the nearest training photo that 1 of 100 held-out photos is below.

    With fewer than 100 held-out photos, it is the least of their distances.

    Args:
        holdout: `nearest_training` of at least one held-out photo.
    """
    rank = _suspicious_rank(len(holdout.distances))
    return float(np.partition(holdout.distances, rank - 1)[rank - 1])


def _suspicious_rank(photos: int) -> int:
    return math.floor(SUSPICIOUS_SHARE * photos) + 1


def _unit_rows(sample: Features) -> NDArray[np.float32]:
    """Return the rows scaled to length 1. Rows of zeros do not change."""
    lengths = np.sqrt(np.einsum("ij,ij->i", sample, sample, dtype=np.float64))
    lengths[lengths == 0] = 1.0
    return np.asarray(np.divide(sample, lengths[:, None], dtype=np.float32, casting="same_kind"))


def _cosine_distances(one: Features, other: Features) -> Distances:
    """Return 1 − |cos| of each pair of rows in float64, as half a squared chord, which is precise near 0."""
    directions = []
    for rows in (one.astype(np.float64), other.astype(np.float64)):
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        directions.append(rows / np.where(lengths > 0, lengths, 1.0))
    signs = np.sign(np.einsum("ij,ij->i", *directions))  # 0 if a row has no direction
    chords = directions[0] - signs[:, None] * directions[1]
    return np.where(signs == 0, 1.0, np.einsum("ij,ij->i", chords, chords) / 2)


def _chance_to_be_nearer(generated: Distances, holdout: Distances) -> Estimate:
    """Estimate P(generated < held out) + P(equal) / 2: Mann and Whitney's U over the number of pairs.

    The standard error is that of DeLong, DeLong and Clarke-Pearson (1988). It is NaN if a side has a single picture.
    """
    placed = 1.0 - _share_below(generated, holdout), _share_below(holdout, generated)
    variances = [side.var(ddof=1) / len(side) if len(side) > 1 else math.nan for side in placed]
    return Estimate(placed[0].mean(), math.sqrt(sum(variances)))


def _share_below(values: Distances, reference: Distances) -> Distances:
    """Return the share of `reference` below each value. Equal values count half."""
    ordered = np.sort(reference)
    ranks = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(ranks / (2 * len(ordered)))


def _deviation_of_chance(pictures: float, photos: float) -> float:
    """Return the standard deviation of `_chance_to_be_nearer` for equal distributions (Mann and Whitney, 1947)."""
    return math.sqrt((pictures + photos + 1) / (12 * pictures * photos))


def _independent(nearest: Nearest) -> float:
    """Return the effective sample size by Kish's formula, if pictures with the same nearest photo vary together."""
    counts = np.unique(nearest.indices, return_counts=True)[1].astype(np.float64)
    return float(counts.sum() ** 2 / (counts @ counts))


def _lower_bound(count: int, total: int) -> float:
    """Return the lower bound of a share by Wilson (1927)."""
    share, square = count / total, _CRITICAL**2 / total
    spread = _CRITICAL * math.sqrt(share * (1 - share) / total + square / (4 * total))
    return (share + square / 2 - spread) / (1 + square)


def _chance_of_as_many(count: int, pictures: int, rank: int, photos: int) -> float:
    """Return the chance that at least `count` pictures are below the rank-th photo, if both are distributed alike.

    This is the chance of at most rank − 1 photos among the count + rank − 1 lowest of all: a hypergeometric tail.
    """
    lowest = count + rank - 1
    ways = [
        _log_choices(photos, low) + _log_choices(pictures, lowest - low)
        for low in range(min(rank, photos + 1))
        if lowest - low <= pictures
    ]
    total = _log_choices(pictures + photos, lowest)
    return sum(math.exp(way - total) for way in ways)


def _log_choices(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
