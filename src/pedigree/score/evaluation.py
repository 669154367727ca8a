"""Evaluates pictures by their features: how real, how varied, how true to the breed, and how much copied."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedigree.common.measures import COPIES
from pedigree.metrics import probe
from pedigree.metrics.diversity import Collapse, collapse
from pedigree.metrics.estimate import Estimate
from pedigree.metrics.frechet import fit
from pedigree.metrics.kernel import kernel_distance
from pedigree.metrics.manifold import Overlap, overlaps
from pedigree.metrics.memorization import (
    Copying,
    Nearest,
    judge_copying,
    memorization_informed_frechet_distance,
    nearest_training,
)
from pedigree.metrics.similarity import pair_similarity_per_breed
from pedigree.score import breed_scores
from pedigree.score.sample import Labels, Sample

NEIGHBORS = 5
FEWEST = NEIGHBORS + 1  # least pictures of each sample
SIMILARITY_PAIRS = 100  # per breed
_NO_VERDICT = dict.fromkeys(("memorization_verdict", "memorization_informed_frechet_distance"))

Metrics = dict[str, int | float | str | None]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All results about a generator. The reports only show them."""

    numbers: Metrics  # by name, as in metrics.json; numbers with a standard error are `Estimate`s
    table: pd.DataFrame  # one row per breed, as in breeds.csv
    confusion: NDArray[np.float64]  # (breeds, breeds): shares of each requested breed by the breed the probe predicts
    nearest: NDArray[np.intp]  # (m,): each generated picture's nearest training crop
    nearness: NDArray[np.float64]  # (m,): the cosine distance to it
    suspicious: float  # the distance below which a picture is suspected of being a copy
    realistic: NDArray[np.bool_]  # (m,): whether a generated picture lies among the training crops (precision)
    covered: NDArray[np.bool_]  # (n,): whether a training crop has a generated picture nearby (coverage)
    train_map: NDArray[np.float64]  # (n, 2): the training crops' first two principal components
    generated_map: NDArray[np.float64]  # (m, 2): the generated pictures on the same axes


def evaluate(
    train: Sample,
    holdout: Sample,
    generated: Sample,
    breeds: tuple[str, ...],
    *,
    copies: Sequence[tuple[NDArray[np.float32], Labels]] = (),
    predict: Callable[[NDArray[np.float32]], NDArray[np.integer]] | None = None,
    seed: int = 0,
    epsilon: float | None = None,
    twin: float | None = None,
) -> Evaluation:
    """Compare generated pictures and held-out photos with the training crops.

    `pedigree.common.measures` explains each number under its name.

    Args:
        train, holdout, generated: at least `FEWEST` pictures each, with features of the same extractor.
        breeds: folder names, in the order of the labels.
        copies: features and labels of damaged copies of training crops, a pair for each kind of damage
            (`pedigree.score.damage`). The probe learns from them too.
        predict: turns features `(n, d)` into breeds `(n,)`, if the extractor has learned the breeds from these
            training crops. None: the probe predicts the breeds. Such an extractor gives no verdict on copies, because
            it places the crops that it was trained on differently from held-out ones.
        seed: of the kernel distance's subsets and of the pairs for MS-SSIM.
        epsilon: Kaggle's threshold of the memorisation distance for this extractor, used by the memorisation-informed
            Fréchet distance. None if there is no such threshold: then the verdict decides.
        twin: the cosine distance below which a held-out crop is a near-duplicate of a training crop, for this
            extractor. None if it is unknown: then `holdout_twins` is None.

    Raises:
        ValueError: there are too few pictures, or features and labels do not match.
    """
    learned = predict is not None
    predict = predict or probe.fit(train.features, train.labels, len(breeds), copies).predict
    seen, seen_holdout = predict(generated.features), predict(holdout.features)
    among, fewer, real = _overlaps(train, holdout, generated)
    nearest, nearest_holdout = (nearest_training(train.features, side.features) for side in (generated, holdout))
    copying = judge_copying(nearest, nearest_holdout)
    varied, varied_holdout = (
        collapse(train.features, train.labels, side.features, side.labels, len(breeds)) for side in (generated, holdout)
    )
    alike, alike_real = (
        pair_similarity_per_breed(side.images, side.labels, len(breeds), seed=seed, pairs=SIMILARITY_PAIRS)
        for side in (generated, train)
    )
    distances = _distances(train, holdout, generated, seed)
    numbers: Metrics = {
        "samples": len(generated),
        "real": len(train),
        "holdout": len(holdout),
        "holdout_twins": None if twin is None else float((nearest_holdout.distances < twin).mean()),
        **distances,
        **_neighborhoods(among, fewer, real),
        **_accuracies(holdout, generated, seen, seen_holdout),
        **_memorization(nearest, nearest_holdout, copying),
        **(_NO_VERDICT if learned else _verdict(nearest, copying, distances["frechet_distance"], epsilon)),
        **_diversity(varied, varied_holdout),
        "ms_ssim": alike.mean(),
        "ms_ssim_real": alike_real.mean(),
    }
    seen_by = breed_scores.Seen(seen, seen_holdout)
    table = breed_scores.table(train, holdout, generated, breeds, seen_by, among.realistic, varied, alike, alike_real)
    train_map, generated_map = _principal_components(train.features, generated.features)
    return Evaluation(
        numbers={key: _known(number) for key, number in numbers.items()},
        table=table,
        confusion=probe.confusion(seen, generated.labels, len(breeds)),
        nearest=nearest.indices,
        nearness=nearest.distances,
        suspicious=copying.suspicious,
        realistic=among.realistic,
        covered=among.covered,
        train_map=train_map,
        generated_map=generated_map,
    )


def _distances(train: Sample, holdout: Sample, generated: Sample, seed: int) -> dict[str, Estimate]:
    count, normal = min(len(holdout), len(generated)), fit(train.features)
    distance = normal.distance(generated.features)
    return {
        "frechet_distance": distance,
        "frechet_distance_at_floor_size": distance
        if count == len(generated)
        else normal.distance(generated.evenly(count)),
        "frechet_distance_floor": normal.distance(holdout.evenly(count)),
        "kernel_distance": kernel_distance(train.features, generated.features, seed=seed),
        "kernel_distance_floor": kernel_distance(train.features, holdout.features, seed=seed),
    }


def _overlaps(train: Sample, holdout: Sample, generated: Sample) -> tuple[Overlap, Overlap, Overlap]:
    """Return the overlaps with all generated pictures, with as many as there are held-out ones, and with those."""
    count = min(len(holdout), len(generated))
    samples = [holdout.evenly(count), generated.features]
    if count < len(generated):
        samples.append(generated.evenly(count))
    real, among, *fewer = overlaps(train.features, samples, neighbors=NEIGHBORS)
    return among, fewer[0] if fewer else among, real


def _neighborhoods(among: Overlap, fewer: Overlap, real: Overlap) -> Metrics:
    return {
        "precision": among.precision,
        "precision_holdout": real.precision,
        "recall": among.recall,
        "recall_at_floor_size": fewer.recall,
        "recall_holdout": real.recall,
        "density": among.density,
        "density_holdout": real.density,
        "coverage": among.coverage,
        "coverage_at_floor_size": fewer.coverage,
        "coverage_holdout": real.coverage,
    }


def _accuracies(holdout: Sample, generated: Sample, seen: NDArray[Any], seen_holdout: NDArray[Any]) -> Metrics:
    return {
        "breed_accuracy": probe.accuracy(seen, generated.labels),
        "breed_accuracy_holdout": probe.accuracy(seen_holdout, holdout.labels),
        "breed_accuracy_chance": probe.chance(generated.labels),
        "imagenet_accuracy": _by_opinion(generated),
        "imagenet_accuracy_holdout": _by_opinion(holdout),
    }


def _by_opinion(side: Sample) -> float | None:
    return None if side.opinions is None else probe.accuracy(side.opinions, side.labels)


def _memorization(nearest: Nearest, nearest_holdout: Nearest, copying: Copying) -> Metrics:
    return {
        "memorization_distance": nearest.distance,
        "memorization_distance_holdout": nearest_holdout.distance,
        "memorization_nearer": copying.nearer,
        "memorization_suspects": copying.suspects,
    }


def _verdict(nearest: Nearest, copying: Copying, frechet: Estimate, epsilon: float | None) -> Metrics:
    bound = epsilon if epsilon is not None else math.inf if copying.verdict == COPIES else 0.0
    informed = memorization_informed_frechet_distance(frechet, nearest.distance, epsilon=bound)
    return {"memorization_verdict": copying.verdict, "memorization_informed_frechet_distance": informed}


def _diversity(varied: Collapse, varied_holdout: Collapse) -> Metrics:
    return {
        "intra_breed_diversity": varied.spread.mean(),
        "intra_breed_diversity_real": varied.spread_real.mean(),
        "near_duplicates": varied.near_duplicates.mean(),
        "near_duplicates_holdout": varied_holdout.near_duplicates.mean(),
        "collapsed_breeds": int(np.count_nonzero(varied.collapsed)),
    }


def _known(number: Any) -> Any:
    """Return None instead of NaN, which means not measured, and any other number unchanged."""
    return None if isinstance(number, float) and math.isnan(number) else number


def _principal_components(
    train: NDArray[np.float32], generated: NDArray[np.float32]
) -> tuple[NDArray[np.float64], ...]:
    """Return both samples on the first two principal components of `train`, whose largest weight is positive."""
    mean = train.mean(axis=0, dtype=np.float64)
    centred = train - mean.astype(np.float32)
    if len(centred) < centred.shape[1]:  # the smaller of the two products with its transpose has the same axes
        axes = centred.T @ np.linalg.eigh((centred @ centred.T).astype(np.float64))[1][:, :-3:-1]
    else:
        axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))[1][:, :-3:-1]
    axes = axes / np.maximum(np.linalg.norm(axes, axis=0), np.finfo(float).tiny)
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    return centred @ axes.astype(np.float32), (generated - mean.astype(np.float32)) @ axes.astype(np.float32)
