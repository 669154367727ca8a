"""How near generated pictures come to the training photos, and whether that is nearer than real photos come."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedigree.common.measures import COPIES, NO_COPIES, CopyingVerdict
from pedigree.metrics import check_features
from pedigree.metrics.estimate import Estimate, share_of, standard_error

Features = NDArray[np.floating]
Distances = NDArray[np.float64]

SUSPICIOUS_SHARE = 0.01  # of held-out photos: a picture nearer to the training photos than all but these is a suspect
TOLERATED_SUSPECTS = 0.05  # of generated pictures: clearly more than this are copies

_CRITICAL = 2.326  # standard deviations that one of 100 normal numbers exceeds: how sure either test has to be
_CHANCE = 0.01  # the same as a probability
_PRODUCTS_AT_ONCE = 2**24  # float32: a block is 64 MB


@dataclass(frozen=True, eq=False)
class Nearest:
    """The training photo nearest to each picture."""

    indices: NDArray[np.intp]  # (m,)
    distances: Distances  # (m,): the cosine distance to it, 1 − |cos|, in 0..1
    directed: NDArray[np.bool_]  # (m,): whether it has one; a row of zeros has no direction

    @property
    def distance(self) -> Estimate:
        """The memorisation distance; see `memorization_distance`."""
        distances = self.distances[self.directed]
        if not len(distances):
            raise ValueError(f"generated must have rows other than zeros. Received: {len(self.distances)} of zeros")
        deviation = float(distances.std(ddof=1)) if len(distances) > 1 else math.nan
        return Estimate(distances.mean(), deviation / math.sqrt(len(distances)))


@dataclass(frozen=True)
class Copying:
    """Whether generated pictures are nearer to the training photos than real, held-out photos are."""

    verdict: CopyingVerdict
    suspects: Estimate  # the share of generated pictures nearer than `suspicious`
    suspicious: float  # the cosine distance below which 1 of 100 held-out photos is
    nearer: Estimate  # the chance that a generated picture is nearer than a held-out one; 0.5: like real photos
    nearer_on_average: bool  # `nearer` is above 0.5 beyond noise
    many_suspects: bool  # `suspects` is above 0.05 beyond noise


def nearest_training(train: Features, generated: Features) -> Nearest:
    """Find the training photo at the least cosine distance, 1 − |cos|, of each picture.

    Candidates are found in float32, a block at a time; the distance to the one chosen is then exact to float64. Where
    several are within about 1e-6 of the nearest, any of them may be named. A row of zeros has no direction: of
    the training photos none is ever the nearest, and a generated one is at distance 1 from the first of the others.

    Args:
        train: `(n, d)` features.
        generated: `(m, d)` features; held-out photos' for what real pictures reach.

    Raises:
        ValueError: either is not features, or all training rows are zeros.
    """
    check_features(train=train, generated=generated)
    usable = np.flatnonzero(train.any(axis=1))
    if not len(usable):
        raise ValueError(f"train must have rows other than zeros. Received: {len(train)} of zeros")
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
    """Average over the generated pictures how far each is from its nearest real one: the memorisation distance.

    As Kaggle's Generative Dog Images (2019) defined it: rows of zeros are dropped on both sides, then the mean over
    generated of the least over real of 1 − |cos|. The standard error is that of other pictures by the same generator
    against the same real ones; NaN of a single picture.

    Args:
        real: `(n, d)` features of the training photos.
        generated: `(m, d)` features.

    Raises:
        ValueError: either is not features, or nothing but rows of zeros.
    """
    return nearest_training(real, generated).distance


def memorization_informed_frechet_distance(frechet: float, distance: float, *, epsilon: float) -> Estimate:
    """Divide a Fréchet distance by the memorisation distance where that is suspiciously small: Kaggle's MiFID (2019).

    frechet / (d + 1e-15), where d is `distance` below `epsilon` and else 1. The standard error is that of the ratio of
    the two, taken for independent; what has none counts as exact.

    Args:
        frechet: the Fréchet distance, an `Estimate` where its standard error is known.
        distance: the memorisation distance, likewise.
        epsilon: Kaggle's were 0.1 for Inception-2015 and 0.25 for NASNet; other networks have none.
    """
    divisor = (distance if distance < epsilon else 1.0) + 1e-15
    value = frechet / divisor
    spread = (standard_error(frechet) or 0.0) / divisor
    penalty = value * (standard_error(distance) or 0.0) / divisor if distance < epsilon else 0.0
    return Estimate(value, math.hypot(spread, penalty))


def judge_copying(generated: Nearest, holdout: Nearest) -> Copying:
    """Judge whether generated pictures are nearer to the training photos than real ones are, beyond noise.

    The verdict is "copies" if either of two tests says so, each wrong about real photos at most once in 100 times:

    - on average: the Mann-Whitney test of Meehan, Chaudhuri and Dasgupta (2020), for generators that stay
      too near to all they have seen. Pictures that share their nearest photo are not taken for independent, so that
      a generator that draws few different pictures is not judged by luck.
    - in part: clearly more than 5 of 100 pictures are suspects, nearer than 99 of 100 held-out photos, and more than
      chance would put there given how few held-out photos that distance was read from. For generators that copy a
      tenth and draw anything else: 7 in 100 are enough of 1,000 pictures, 11 of 100; against 25 held-out photos 17.
      Here too, those that share their nearest photo count as few, unless they are nearer than half that distance:
      held-out photos hardly ever are, and copies are even when mirrored or shifted by a few pixels.

    "fine" is no praise: pictures far from anything real, blurred or mere noise, are far from the training photos too.
    "copies" with few suspects may come of pictures that are only more typical than real ones: look at them.

    Args:
        generated: `nearest_training` of the generated pictures.
        holdout: `nearest_training` of real photos that were not trained on, to the same training photos.

    Raises:
        ValueError: there are no generated or no held-out pictures.
    """
    pictures, photos = len(generated.distances), len(holdout.distances)
    if not pictures or not photos:
        raise ValueError(f"Copying needs generated and held-out pictures. Received: {pictures} and {photos}")
    rank = math.floor(SUSPICIOUS_SHARE * photos) + 1
    suspicious = float(np.partition(holdout.distances, rank - 1)[rank - 1])
    suspects, plain = (int((generated.distances < bound).sum()) for bound in (suspicious, suspicious / 2))
    worth = _independent(generated) / pictures
    many = any(
        _lower_bound(found, total) > TOLERATED_SUSPECTS and _chance_of_as_many(found, total, rank, photos) < _CHANCE
        for found, total in ((plain, pictures), (round(suspects * worth), round(pictures * worth)))
    )
    nearer = _chance_to_be_nearer(generated.distances, holdout.distances)
    noise = np.fmax(nearer.standard_error, _deviation_of_chance(_independent(generated), _independent(holdout)))
    on_average = bool(nearer - 0.5 > _CRITICAL * noise)
    verdict = COPIES if on_average or many else NO_COPIES
    return Copying(verdict, share_of(suspects, pictures), suspicious, nearer, on_average, many)


def _unit_rows(sample: Features) -> NDArray[np.float32]:
    """Return the rows at length 1; rows of zeros as they are."""
    lengths = np.sqrt(np.einsum("ij,ij->i", sample, sample, dtype=np.float64))
    lengths[lengths == 0] = 1.0
    return np.asarray(np.divide(sample, lengths[:, None], dtype=np.float32, casting="same_kind"))


def _cosine_distances(one: Features, other: Features) -> Distances:
    """Return 1 − |cos| of each pair of rows in float64, as half a squared chord: no digits are lost near 0."""
    directions = []
    for rows in (one.astype(np.float64), other.astype(np.float64)):
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        directions.append(rows / np.where(lengths > 0, lengths, 1.0))
    signs = np.sign(np.einsum("ij,ij->i", *directions))  # 0 where one has no direction: then the chord must be √2
    chords = directions[0] - signs[:, None] * directions[1]
    return np.where(signs == 0, 1.0, np.einsum("ij,ij->i", chords, chords) / 2)


def _chance_to_be_nearer(generated: Distances, holdout: Distances) -> Estimate:
    """Estimate P(generated < held out) + P(equal) / 2: Mann and Whitney's U over the pairs.

    The standard error is DeLong, DeLong and Clarke-Pearson's (1988); NaN of a single picture on a side.
    """
    placed = 1.0 - _share_below(generated, holdout), _share_below(holdout, generated)
    variances = [side.var(ddof=1) / len(side) if len(side) > 1 else math.nan for side in placed]
    return Estimate(placed[0].mean(), math.sqrt(sum(variances)))


def _share_below(values: Distances, reference: Distances) -> Distances:
    """Return the share of `reference` below each value, equals by half."""
    ordered = np.sort(reference)
    ranks = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(ranks / (2 * len(ordered)))


def _deviation_of_chance(pictures: float, photos: float) -> float:
    """Return the standard deviation of `_chance_to_be_nearer` where both sides are alike (Mann and Whitney, 1947)."""
    return math.sqrt((pictures + photos + 1) / (12 * pictures * photos))


def _independent(nearest: Nearest) -> float:
    """Return how many independent pictures these are worth, by Kish's formula, if those of one photo vary as one."""
    counts = np.unique(nearest.indices, return_counts=True)[1].astype(np.float64)
    return float(counts.sum() ** 2 / (counts @ counts))


def _lower_bound(found: int, total: int) -> float:
    """Return Wilson's (1927) lower bound of a share."""
    share, square = found / total, _CRITICAL**2 / total
    spread = _CRITICAL * math.sqrt(share * (1 - share) / total + square / (4 * total))
    return (share + square / 2 - spread) / (1 + square)


def _chance_of_as_many(found: int, pictures: int, rank: int, photos: int) -> float:
    """Return the chance that `found` or more of as many pictures, if like the photos, are below the rank-th photo.

    It is that of at most rank − 1 photos among the found + rank − 1 lowest of all: a hypergeometric tail.
    """
    lowest = found + rank - 1
    ways = [
        _log_choices(photos, low) + _log_choices(pictures, lowest - low)
        for low in range(min(rank, photos + 1))
        if lowest - low <= pictures
    ]
    total = _log_choices(pictures + photos, lowest)
    return sum(math.exp(way - total) for way in ways)


def _log_choices(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
