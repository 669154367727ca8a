"""The numbers of each breed: the content of `breeds.csv`."""

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

_PARTS = 8  # at most, of a breed's generated pictures; a distance is averaged over them


@dataclass(frozen=True, eq=False)
class Seen:
    """The breeds that the probe predicts, `(n,)` for each side."""

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
    """Return a table with one row per breed.

    Args:
        train, holdout, generated: the samples.
        breeds: folder names, in the order of the labels.
        seen: the predictions of the probe.
        realistic: `(m,)`, which generated pictures lie among real ones.
        varied: the diversity of the breeds compared with real photos.
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
    """Return each breed's Fréchet distance to its training crops, and that of its held-out photos.

    A few dozen pictures have a large distance to any others, real or not. So both are measured with equally many
    pictures, at most the number of held-out ones, and are only comparable with each other. The distance of generated
    pictures is the mean over disjoint parts. NaN if a side has fewer than two pictures.
    """
    distances = np.full((breeds, 3), np.nan)
    for breed in range(breeds):
        real, reached, drawn = (side.of(breed) for side in (train, holdout, generated))
        size = min(len(reached), len(drawn))
        if size >= 2 and len(real) >= 2:
            normal = fit(real)
            apart = _mean_distance(normal, drawn, size)
            distances[breed] = apart, apart.standard_error, _mean_distance(normal, reached, size)
    return dict(zip(("frechet_distance", "frechet_distance_error", "frechet_distance_floor"), distances.T, strict=True))


def _trouble(table: pd.DataFrame) -> Floats:
    """Return the average shortfall of each breed from real photos: 0 is like them, 1 is the worst.

    The shortfalls, each in 0..1, are those of accuracy, precision, diversity, twins and Fréchet distance (one minus the
    floor's share of it). Unknown shortfalls are left out.
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
    """Return each breed's accuracy and its standard error. NaN if it has no pictures."""
    right, total = np.bincount(labels[seen == labels], minlength=breeds), np.bincount(labels, minlength=breeds)
    none = Estimate(math.nan, math.nan)
    shares = [share_of(int(k), int(n)) if n else none for k, n in zip(right, total, strict=True)]
    return {"breed_accuracy": shares, "breed_accuracy_error": [share.standard_error for share in shares]}


def _by_opinion(holdout: Sample, generated: Sample, breeds: int) -> Columns:
    """Return the accuracies of the network's own ImageNet classes, if it has any."""
    if generated.opinions is None or holdout.opinions is None:
        return {}
    return {
        "imagenet_accuracy": probe.accuracy_per_class(generated.opinions, generated.labels, breeds),
        "imagenet_accuracy_holdout": probe.accuracy_per_class(holdout.opinions, holdout.labels, breeds),
    }


def _shares(which: NDArray[np.bool_], labels: Breeds, breeds: int) -> Floats:
    """Return the share of each breed's pictures that `which` selects. NaN if the breed has no pictures."""
    all_of, some_of = (np.bincount(chosen, minlength=breeds).astype(float) for chosen in (labels, labels[which]))
    return np.asarray(np.divide(some_of, all_of, out=np.full(breeds, np.nan), where=all_of > 0))


def _mean_distance(normal: Normal, features: NDArray[np.float32], size: int) -> Estimate:
    """Return the mean distance of disjoint parts of `size` rows, with its standard error."""
    parts = min(len(features) // size, _PARTS)
    distances = [normal.distance(features[part::parts][:size]) for part in range(parts)]
    return Estimate(float(np.mean(distances)), math.sqrt(sum(one.standard_error**2 for one in distances)) / parts)
