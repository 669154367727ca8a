"""The score stage: draws pictures, evaluates them, and writes `metrics.json`, `breeds.csv` and `scores.html`."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedigree.common.breeds import display_name
from pedigree.common.files import replacing_entries, write_text
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
from pedigree.common.plurals import plural
from pedigree.common.printable import printable
from pedigree.common.spread import spread
from pedigree.errors import PedigreeError
from pedigree.features import extractors, imagenet
from pedigree.features.cache import Drawer, cached_features, drawn_features
from pedigree.generator.model import Generator, load_generator
from pedigree.metrics.estimate import Estimate
from pedigree.score import judges, page
from pedigree.score.damage import damaged_copies
from pedigree.score.evaluation import FEWEST, Evaluation, Metrics, evaluate
from pedigree.score.page.figures import figure, interval
from pedigree.score.sample import Labels, Sample
from pedigree.settings import criteria, params

_KAGGLE_EPSILON = {"inception-2015": 0.1, "nasnet-large": 0.25}  # of MiFID, on the public and the private leaderboard

# Of pairs of real dogs. At 32 and 160 px, nearly all pairs of Stanford Dogs below it show one photograph, or two that
# were taken in a row. Half of the pairs that show one photograph are below it.
_TWIN = {"efficientnet-lite0": 0.06, "efficientnet-lite0-bfloat16": 0.06}

_ROWS_AT_ONCE = 2048


def score(
    settings: params.Score,
    model: Path = GENERATOR,
    crops: Path = CROPS,
    history: Path = HISTORY,
    reports: Path = REPORTS,
    cache: Path = FEATURES,
) -> Metrics:
    """Score the generator at `model` against the crops, write and print the reports, and check `settings.require`.

    Raises:
        PedigreeError: the model or the crops are missing, or do not belong together; or the scores do not meet
            `settings.require`, in which case the reports are written first.
    """
    packed, drawer = load_crops(crops), load_generator(model)
    _check_match(drawer, packed, model, crops)
    main, *others = judges.load(settings, packed, cache)
    samples = sample_all(drawer, packed, main, settings, cache)
    evaluation = judged(main, packed, samples, settings, cache)
    more: dict[str, Evaluation] = {}
    for judge in others:
        again = sample_all(judges.Drawn(samples[2].images), packed, judge, settings, cache)
        more[judge.name] = judged(judge, packed, again, settings, cache)
    losses = pd.read_csv(history) if history.is_file() else None
    numbers: dict[str, Metrics] = {
        judge: {judges.BIAS: judges.bias(judge, losses), **one.numbers}
        for judge, one in {main.name: evaluation, **more}.items()
    }
    with replacing_entries(reports) as new:
        write_text(new / METRICS.name, metrics_json(numbers))
        evaluation.table.to_csv(new / BREED_SCORES.name, index=False, lineterminator="\n", float_format="%.6g")
        write_text(new / SCORES_PAGE.name, page.render(main.name, packed.breeds, *samples, evaluation, losses, more))
    try:
        print(printable(_summary(numbers, evaluation, reports)))
    finally:  # what is required is checked even if stdout cannot be written
        criteria.enforce(evaluation.numbers, settings.require)
    return evaluation.numbers


def sample_all(
    drawer: Drawer, crops: Crops, extractor: extractors.Extractor, settings: params.Score, cache: Path = FEATURES
) -> tuple[Sample, Sample, Sample]:
    """Return the training crops, the held-out crops and `settings.samples` generated pictures, with their features.

    The generated pictures have the same proportions of breeds as the training crops.
    """
    indices = imagenet_indices(crops.breeds)

    def sample(images: NDArray[np.uint8], features: NDArray[np.float32], labels: Labels) -> Sample:
        return Sample(images, features, np.asarray(labels), opinions(extractor, features, indices))

    size = settings.batch_size
    train = cached_features(extractor, crops.train_images, size, cache, what="training crops")
    holdout = cached_features(extractor, crops.holdout_images, size, cache, what="held-out crops")
    labels = np.sort(crops.train_labels)[spread(settings.samples, len(crops.train_labels))]
    images, features = drawn_features(drawer, extractor, labels, settings.seed, size)
    return (
        sample(crops.train_images, train, crops.train_labels),
        sample(crops.holdout_images, holdout, crops.holdout_labels),
        sample(images, features, labels),
    )


def judged(
    judge: extractors.Extractor,
    crops: Crops,
    samples: tuple[Sample, Sample, Sample],
    settings: params.Score,
    cache: Path = FEATURES,
) -> Evaluation:
    """Evaluate training crops, held-out crops and generated pictures by their features of one judge."""
    own = judges.own_breeds(judge)
    copies = [] if own else copies_features(crops, judge, settings, cache)
    print(f"Computing the scores of {plural(len(samples[2]), 'picture')} by {judge.name}.", file=sys.stderr)
    evaluation = evaluate(
        *samples,
        crops.breeds,
        copies=copies,
        predict=own,
        seed=settings.seed,
        epsilon=_KAGGLE_EPSILON.get(judge.name),
        twin=_TWIN.get(judge.name),
    )
    return replace(evaluation, numbers=named(judge.name, evaluation.numbers))


def copies_features(
    crops: Crops, extractor: extractors.Extractor, settings: params.Score, cache: Path = FEATURES
) -> list[tuple[NDArray[np.float32], Labels]]:
    """Return the features and labels of damaged copies of training crops. The breed probe learns from these too."""
    return [
        (cached_features(extractor, copies, settings.batch_size, cache, what="damaged training crops"), labels)
        for copies, labels in damaged_copies(crops.train_images, crops.train_labels)
    ]


def named(extractor: str, numbers: Metrics) -> Metrics:
    """Add FID, KID and MiFID, which are other names of numbers, if the extractor is Inception-2015."""
    if extractor != "inception-2015":
        return numbers
    return numbers | {name: numbers[key] for name, key in INCEPTION_NAMES.items()}


def metrics_json(numbers: dict[str, Metrics]) -> str:
    """Return the content of `metrics.json`: the numbers by judge."""
    return json.dumps({judge: _content(one) for judge, one in numbers.items()}, indent=2) + "\n"


def _content(numbers: Metrics) -> dict[str, Any]:
    """Return numbers with six digits and their standard errors with three.

    The errors are in a list, because DVC leaves lists out of its tables: `dvc metrics diff` shows the numbers alone.
    """
    errors = {key: number.standard_error for key, number in numbers.items() if isinstance(number, Estimate)}
    content: dict[str, Any] = {key: _rounded(number, 6) for key, number in numbers.items()}
    content["standard_error"] = [{key: _rounded(error, 3) for key, error in errors.items() if np.isfinite(error)}]
    return content


def imagenet_indices(breeds: tuple[str, ...]) -> list[int] | None:
    """Return the index of each breed's ImageNet class, or None unless every breed has a class of its own."""
    indices = [index for breed in breeds if (index := imagenet.class_index(breed)) is not None]
    return indices if len(set(indices)) == len(breeds) else None


def opinions(
    extractor: extractors.Extractor, features: NDArray[np.float32], indices: list[int] | None
) -> NDArray[np.intp] | None:
    """Return the breed that the extractor itself predicts for each picture, `(n,)`, or None if it cannot.

    Args:
        extractor: the network that made the features.
        features: `(n, extractor.dimension)`.
        indices: `imagenet_indices` of the breeds.
    """
    if indices is None or not isinstance(extractor, extractors.ImageNetClassifier):
        return None
    blocks = (features[start : start + _ROWS_AT_ONCE] for start in range(0, len(features), _ROWS_AT_ONCE))
    return np.concatenate([extractor.logits(block)[:, indices].argmax(axis=1) for block in blocks])


def _rounded(number: Any, digits: int) -> Any:
    return float(f"{number:.{digits}g}") if isinstance(number, float) else number


def _check_match(drawer: Generator, crops: Crops, model: Path, folder: Path) -> None:
    """Check that the generator has the breeds and the image size of the crops, and that there are enough crops."""
    if drawer.breeds != crops.breeds:
        odd = sorted(set(drawer.breeds) ^ set(crops.breeds))
        difference = f"only one of them has {', '.join(odd[:5])}" if odd else "the order differs"
        raise PedigreeError(f"{model} and {folder} do not have the same breeds ({difference}): run `pedigree train`.")
    if drawer.image_size != crops.size:
        raise PedigreeError(
            f"{model} draws {drawer.image_size} px, but {folder} has {crops.size} px: run `pedigree train`."
        )
    if min(len(crops.train_labels), len(crops.holdout_labels)) < FEWEST:
        raise PedigreeError(
            f"{folder} needs at least {FEWEST} training and {FEWEST} held-out crops: add photos or raise crop.holdout."
        )


def _summary(by_judge: dict[str, Metrics], evaluation: Evaluation, reports: Path) -> str:
    """Return the results for a terminal: every number beside that of real photos, and the worst breeds."""
    table = evaluation.table
    lines = "\n\n".join(_lines(judge, numbers) for judge, numbers in by_judge.items())
    shown = ["breed", "generated", "frechet_distance", "breed_accuracy", "diversity_ratio", "collapsed", "trouble"]
    breeds = table[shown].assign(breed=[display_name(breed) for breed in table["breed"]])
    breeds = breeds.sort_values("trouble", ascending=False, kind="stable")
    worst = breeds.head(20).to_string(index=False, na_rep="-", float_format="{:.3f}".format)
    return "\n".join([lines, "", worst, "", f"See {reports / SCORES_PAGE.name} for details."])


def _lines(judge: str, numbers: Metrics) -> str:
    counts = "{samples} generated, {real} training and {holdout} held-out crops".format_map(numbers)
    bias = f" (biased: it {numbers[judges.BIAS]})" if numbers[judges.BIAS] else ""
    lines = [f"{judge}{bias}: {counts}", f"{'':<38}{'generated':>20}{'real photos':>22}"]
    for key, measure in MEASURES.items():
        if numbers.get(key) is not None:
            real = numbers.get(measure.real) if measure.real else None
            lines.append(f"{measure.title:<38}{_figure(numbers[key]):>20}{'' if real is None else _figure(real):>22}")
    if verdict := numbers.get("memorization_verdict"):
        lines.append(f"{'Memorisation verdict':<38}{verdict:>20}")
    return "\n".join(lines)


def _figure(number: Any) -> str:
    return f"{figure(number)} {interval(number)}".rstrip()
