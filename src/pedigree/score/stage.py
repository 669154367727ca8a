"""The score stage: draw, judge, and write `metrics.json`, `breeds.csv` and `scores.html`."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedigree.common.breeds import display_name
from pedigree.common.files import replacing_file, write_text
from pedigree.common.measures import INCEPTION_NAMES, MEASURES
from pedigree.common.packed_crops import Crops, load_crops
from pedigree.common.paths import (
    BREED_SCORES,
    CROPS,
    FEATURES,
    GENERATOR,
    HISTORY,
    METRICS,
    REPORTS,
    SCORES_PAGE,
)
from pedigree.common.spread import spread
from pedigree.errors import PedigreeError
from pedigree.features import extractors
from pedigree.features.cache import Drawer, cached_features, drawn_features
from pedigree.generator.model import Generator, load_generator
from pedigree.metrics.estimate import Estimate
from pedigree.score import imagenet, page
from pedigree.score.damage import damaged_copies
from pedigree.score.evaluation import FEWEST, Evaluation, Metrics, evaluate
from pedigree.score.page.wording import figure, interval
from pedigree.score.sample import Labels, Sample
from pedigree.settings import criteria, params

_KAGGLE_EPSILON = {"inception-2015": 0.1, "nasnet-large": 0.25}  # of MiFID, on the public and the private board


def score(
    settings: params.Score,
    model: Path = GENERATOR,
    crops: Path = CROPS,
    history: Path = HISTORY,
    reports: Path = REPORTS,
    cache: Path = FEATURES,
) -> Metrics:
    """Score the generator at `model` against the crops, write all reports, print them, and hold them to `require`.

    Raises:
        PedigreeError: the model or the crops are missing, or do not belong together; or, when all is written, what
            `settings.require` asks for does not hold.
    """
    packed, drawer = load_crops(crops), load_generator(model)
    _check_kinship(drawer, packed, model, crops)
    extractor = extractors.load(settings.extractor, settings.weights)
    samples = sample_all(drawer, packed, extractor, settings, cache)
    copies = copies_features(packed, extractor, settings, cache)
    epsilon = _KAGGLE_EPSILON.get(extractor.name)
    print(f"Judging {len(samples[2])} pictures by their features.", file=sys.stderr)
    evaluation = evaluate(*samples, packed.breeds, copies=copies, seed=settings.seed, epsilon=epsilon)
    evaluation = replace(evaluation, numbers=named(extractor.name, evaluation.numbers))
    losses = pd.read_csv(history) if history.is_file() else None
    write_text(reports / METRICS.name, metrics_json(extractor.name, evaluation.numbers))
    with replacing_file(reports / BREED_SCORES.name) as beside:
        evaluation.table.to_csv(beside, index=False, lineterminator="\n", float_format="%.6g")
    write_text(reports / SCORES_PAGE.name, page.render(extractor.name, packed.breeds, *samples, evaluation, losses))
    print(_told(extractor.name, evaluation, reports))
    criteria.enforce(evaluation.numbers, settings.require)
    return evaluation.numbers


def sample_all(
    drawer: Drawer, crops: Crops, extractor: extractors.Extractor, settings: params.Score, cache: Path = FEATURES
) -> tuple[Sample, Sample, Sample]:
    """Return the training crops, the held-out ones and `settings.samples` drawn pictures, with features.

    Breeds are drawn in the proportion of the training crops.
    """
    indices = imagenet_indices(crops.breeds)

    def sample(images: NDArray[np.uint8], features: NDArray[np.float32], labels: Labels) -> Sample:
        return Sample(images, features, np.asarray(labels), opinions(extractor, features, indices))

    size = settings.batch_size
    train = cached_features(extractor, crops.train_images, size, cache)
    holdout = cached_features(extractor, crops.holdout_images, size, cache)
    asked = np.sort(crops.train_labels)[spread(settings.samples, len(crops.train_labels))]
    images, features = drawn_features(drawer, extractor, asked, settings.seed, size)
    return (
        sample(crops.train_images, train, crops.train_labels),
        sample(crops.holdout_images, holdout, crops.holdout_labels),
        sample(images, features, asked),
    )


def copies_features(
    crops: Crops, extractor: extractors.Extractor, settings: params.Score, cache: Path = FEATURES
) -> list[NDArray[np.float32]]:
    """Return the features of damaged copies of the training crops, which the breed probe learns from besides."""
    size = settings.batch_size
    return [cached_features(extractor, copies, size, cache) for copies in damaged_copies(crops.train_images)]


def named(extractor: str, numbers: Metrics) -> Metrics:
    """Give Inception-2015's numbers, and no other's, the names FID, KID and MiFID beside."""
    if extractor != "inception-2015":
        return numbers
    return numbers | {name: numbers[key] for name, key in INCEPTION_NAMES.items()}


def metrics_json(extractor: str, numbers: Metrics) -> str:
    """Lay the numbers out as `metrics.json`: under the extractor's name, to six digits, standard errors to three."""
    errors = {key: number.standard_error for key, number in numbers.items() if isinstance(number, Estimate)}
    content: dict[str, Any] = {key: _rounded(number, 6) for key, number in numbers.items()}
    content["standard_error"] = {key: _rounded(error, 3) for key, error in errors.items() if np.isfinite(error)}
    return json.dumps({extractor: content}, indent=2) + "\n"


def imagenet_indices(breeds: tuple[str, ...]) -> list[int] | None:
    """Return where each breed stands among ImageNet's classes; None unless each is one, and no two the same."""
    indices = [index for breed in breeds if (index := imagenet.class_index(breed)) is not None]
    return indices if len(set(indices)) == len(breeds) else None


def opinions(
    extractor: extractors.Extractor, features: NDArray[np.float32], indices: list[int] | None
) -> NDArray[np.intp] | None:
    """Return the breed that the extractor itself takes each picture for, `(n,)`; None where it cannot tell.

    Args:
        extractor: what made the features.
        features: `(n, extractor.dimension)`.
        indices: `imagenet_indices` of the breeds.
    """
    if indices is None or not isinstance(extractor, extractors.ImageNetClassifier):
        return None
    return np.asarray(extractor.logits(features)[:, indices].argmax(axis=1))


def _rounded(number: Any, digits: int) -> Any:
    return float(f"{number:.{digits}g}") if isinstance(number, float) else number


def _check_kinship(drawer: Generator, crops: Crops, model: Path, folder: Path) -> None:
    """Check that the generator learned from crops like these, and that there are enough of them."""
    if drawer.breeds != crops.breeds:
        odd = sorted(set(drawer.breeds) ^ set(crops.breeds))
        told = f"only one of them has {', '.join(odd[:5])}" if odd else "the same in another order"
        raise PedigreeError(f"{model} and {folder} do not have the same breeds ({told}): run `pedigree train`.")
    if drawer.image_size != crops.size:
        raise PedigreeError(
            f"{model} draws {drawer.image_size} px and {folder} holds {crops.size} px: run `pedigree train`."
        )
    if min(len(crops.train_labels), len(crops.holdout_labels)) < FEWEST:
        raise PedigreeError(
            f"{folder} needs at least {FEWEST} crops to train and {FEWEST} held out: add photos, or raise crop.holdout."
        )


def _told(extractor: str, evaluation: Evaluation, reports: Path) -> str:
    """Lay out what was found for a terminal: every number beside what real photos reach, and the breeds."""
    numbers, table = evaluation.numbers, evaluation.table
    counts = "{samples} generated, {real} training and {holdout} held-out crops".format_map(numbers)
    lines = [f"by {extractor}: {counts}", f"{'':<38}{'generated':>20}{'real photos':>22}"]
    for key, measure in MEASURES.items():
        if numbers.get(key) is not None:
            real = numbers.get(measure.real) if measure.real else None
            lines.append(f"{measure.title:<38}{_figure(numbers[key]):>20}{'' if real is None else _figure(real):>22}")
    lines.append(f"{'Memorisation verdict':<38}{numbers['memorization_verdict']:>20}")
    shown = ["breed", "generated", "frechet_distance", "breed_accuracy", "diversity_ratio", "collapsed", "trouble"]
    breeds = table[shown].assign(breed=[display_name(breed) for breed in table["breed"]])
    breeds = breeds.sort_values("trouble", ascending=False, kind="stable")
    worst = breeds.head(20).to_string(index=False, na_rep="-", float_format="{:.3f}".format)
    return "\n".join([*lines, "", worst, "", f"{reports / SCORES_PAGE.name} shows all of it."])


def _figure(number: Any) -> str:
    return f"{figure(number)} {interval(number)}".rstrip()
