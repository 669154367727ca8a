"""The numbers a breed at a time: what `breeds.csv` holds, and which breeds are in trouble."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedigree.metrics import probe
from pedigree.metrics.diversity import Collapse, PerBreed
from pedigree.metrics.estimate import Estimate, share_of
from pedigree.metrics.frechet import Normal, fit
from pedigree.score.sample import Sample

Floats = NDArray[np.float64]
Breeds = NDArray[np.integer]
Columns = dict[str, Any]

_PARTS = 8  # of a breed's generated pictures, at most, that a distance is averaged over


@dataclass(frozen=True, eq=False)
class Seen:
    """The breeds that pictures were taken for, `(n,)` of each side."""

    generated: Breeds
    holdout: Breeds


def table(
    train: Sample,
    holdout: Sample,
    generated: Sample,
    breeds: tuple[str, ...],
    seen: Seen,
    realistic: NDArray[np.bool_],
    varied: Collapse,
    alike: PerBreed,
    alike_real: PerBreed,
) -> pd.DataFrame:
    """Return a row a breed.

    Args:
        train, holdout, generated: what was judged.
        breeds: folder names, in the order of the labels.
        seen: what the probe took pictures for.
        realistic: `(m,)`, which generated pictures lie among real ones.
        varied: how the breeds' diversity compares.
        alike, alike_real: MS-SSIM within the breeds of generated pictures and of training crops.
    """
    count = len(breeds)
    confusion = probe.confusion(seen.generated, generated.labels, count)
    taken_for, share = probe.mistaken_for(confusion)
    columns: Columns = {
        "breed": breeds,
        "train": np.bincount(train.labels, minlength=count),
        "holdout": np.bincount(holdout.labels, minlength=count),
        "generated": np.bincount(generated.labels, minlength=count),
        **_distances(train, holdout, generated, count),
        **_accuracies(seen.generated, generated.labels, count),
        "breed_accuracy_holdout": probe.accuracy_per_class(seen.holdout, holdout.labels, count),
        **_by_opinion(holdout, generated, count),
        "mistaken_for": [breeds[breed] if breed >= 0 else None for breed in taken_for],
        "mistaken_share": share,
        "precision": _shares(realistic, generated.labels, count),
        "diversity_ratio": varied.ratio.value,
        "diversity_ratio_error": varied.ratio.standard_error,
        "near_duplicates": varied.near_duplicates.value,
        "different": varied.different,
        "ms_ssim": alike.value,
        "ms_ssim_real": alike_real.value,
        "collapsed": varied.collapsed,
    }
    rows = pd.DataFrame(columns)
    return rows.assign(trouble=_trouble(rows))


def _distances(train: Sample, holdout: Sample, generated: Sample, breeds: int) -> dict[str, Floats]:
    """Measure each breed's Fréchet distance to its training crops, beside what held-out photos reach.

    A few dozen pictures are far from any others, real or not. So both are measured on equally many pictures, as many as
    there are held-out ones at most, and hold only against each other: over disjoint parts of the generated
    ones, whose mean is given. NaN where a side has fewer than two pictures.
    """
    found = np.full((breeds, 3), np.nan)
    for breed in range(breeds):
        real, reached, drawn = (side.of(breed) for side in (train, holdout, generated))
        size = min(len(reached), len(drawn))
        if size >= 2 and len(real) >= 2:
            normal = fit(real)
            apart = _mean_distance(normal, drawn, size)
            found[breed] = apart, apart.standard_error, _mean_distance(normal, reached, size)
    return dict(zip(("frechet_distance", "frechet_distance_error", "frechet_distance_floor"), found.T, strict=True))


def _trouble(table: pd.DataFrame) -> Floats:
    """Average, a breed, how far it falls short of real photos: 0 like them, 1 as far as can be.

    The shortfalls, each in 0..1: of accuracy, of precision, of diversity, in twins, and in Fréchet distance (one less
    the floor's share of it). What is not known of a breed is left out.
    """
    shortfalls = [
        1 - table["breed_accuracy"] / table["breed_accuracy_holdout"].replace(0, np.nan),
        1 - table["precision"],
        1 - table["diversity_ratio"],
        table["near_duplicates"],
        1 - table["frechet_distance_floor"] / table["frechet_distance"].replace(0, np.nan),
    ]
    return np.asarray(pd.concat(shortfalls, axis=1).clip(0, 1).mean(axis=1))


def _accuracies(seen: Breeds, labels: Breeds, breeds: int) -> Columns:
    """Return each breed's accuracy and its standard error; NaN where it has no pictures."""
    right, asked = np.bincount(labels[seen == labels], minlength=breeds), np.bincount(labels, minlength=breeds)
    none = Estimate(math.nan, math.nan)
    found = [share_of(int(k), int(n)) if n else none for k, n in zip(right, asked, strict=True)]
    return {"breed_accuracy": found, "breed_accuracy_error": [share.standard_error for share in found]}


def _by_opinion(holdout: Sample, generated: Sample, breeds: int) -> Columns:
    """Return the accuracies by the network's own opinion, where it has one."""
    if generated.opinions is None or holdout.opinions is None:
        return {}
    return {
        "imagenet_accuracy": probe.accuracy_per_class(generated.opinions, generated.labels, breeds),
        "imagenet_accuracy_holdout": probe.accuracy_per_class(holdout.opinions, holdout.labels, breeds),
    }


def _shares(which: NDArray[np.bool_], labels: Breeds, breeds: int) -> Floats:
    """Return the share of each breed's pictures that are among `which`; NaN where it has none."""
    all_of, some_of = (np.bincount(chosen, minlength=breeds).astype(float) for chosen in (labels, labels[which]))
    return np.asarray(np.divide(some_of, all_of, out=np.full(breeds, np.nan), where=all_of > 0))


def _mean_distance(normal: Normal, features: NDArray[np.float32], size: int) -> Estimate:
    """Average the distance of disjoint parts of `size` rows; its standard error is that of the parts' mean."""
    parts = min(len(features) // size, _PARTS)
    found = [normal.distance(features[part::parts][:size]) for part in range(parts)]
    return Estimate(float(np.mean(found)), math.sqrt(sum(one.standard_error**2 for one in found)) / parts)
