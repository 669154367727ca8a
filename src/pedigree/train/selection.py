"""Selection of the best generator: scores on a few images during training, and warnings when scores turn bad."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedigree.common.packed_crops import Crops
from pedigree.common.spread import spread
from pedigree.errors import PedigreeError
from pedigree.features import extractors
from pedigree.features.cache import cached_features, drawn_features
from pedigree.generator.model import Generator
from pedigree.metrics.diversity import CRITICAL, collapse
from pedigree.metrics.frechet import fit
from pedigree.metrics.kernel import kernel_distance
from pedigree.settings.train import Train

MIN_CROPS, MAX_CROPS = 6, 1000  # held-out crops to compare with; with more, this would take longer than drawing
CONSECUTIVE = 2  # consecutive scores that must show a collapse or divergence
COLLAPSED_SHARE = 1 / 6  # share of distinct images: about 50 of 256
COLLAPSED_VARIETY = 0.7  # relative to the variety of the best score
DIVERGED = 2.0  # relative to the best kernel distance

Score = dict[str, float]


class Selection:
    """Scores a generator during training, and keeps its best weights.

    Each score draws `train.score_samples` images, always from the same latents and with the breed frequencies of the
    training crops, and compares them with at most `MAX_CROPS` held-out crops, spread evenly over the breeds. The score
    therefore depends only on the weights.

    Args:
        drawer: the generator to score.
        crops: the crops.
        train: the settings.

    Raises:
        PedigreeError: there are too few held-out crops to compare with.
    """

    def __init__(self, drawer: Generator, crops: Crops, train: Train) -> None:
        total = len(crops.holdout_labels)
        if total < MIN_CROPS:
            raise PedigreeError(
                f"train.score_every needs {MIN_CROPS} held-out crops to compare with, and there are {total}: "
                "raise crop.holdout, or set train.score_every: 0 and train.keep: last."
            )
        self.drawer, self.train, self.breeds = drawer, train, len(crops.breeds)
        self.extractor = extractors.load(train.score_extractor, None)
        by_breed = np.argsort(crops.holdout_labels, kind="stable")
        chosen = np.sort(by_breed[spread(min(MAX_CROPS, total), total)])
        self.real = cached_features(self.extractor, crops.holdout_images[chosen])
        self.real_labels = crops.holdout_labels[chosen]
        self.normal = fit(self.real)
        self.labels = np.sort(crops.train_labels)[spread(train.score_samples, len(crops.train_labels))]
        self.scores: list[Score] = []
        self.best: list[NDArray[Any]] = []

    def score(self, step: int) -> tuple[Score, str | None]:
        """Score the generator after `step` steps.

        Returns:
            The scores by name, and a description of a new problem in one line, or None. The scores are the kernel and
            Fréchet distances to the held-out crops; `different`, the share of distinct images; and `variety`, the
            distances within a breed relative to those of real images (NaN if there are too few images).
        """
        _, features = drawn_features(self.drawer, self.extractor, self.labels, self.train.seed, shown=False)
        distance = kernel_distance(self.real, features, seed=self.train.seed)
        alike = collapse(self.real, np.zeros_like(self.real_labels), features, np.zeros_like(self.labels), 1)
        by_breed = collapse(self.real, self.real_labels, features, self.labels, self.breeds)
        scores = {
            "kernel_distance": float(distance),
            "frechet_distance": float(self.normal.distance(features)),
            "different": float(alike.different[0]) / len(features),
            "variety": float(by_breed.ratio.mean()),
        }
        self.scores.append({"step": step, "noise": distance.standard_error} | scores)
        if self.selected["step"] == step:
            self.best = [np.array(weight) for weight in self.drawer.network.weights]
        return scores, new_problem(self.scores)

    @property
    def selected(self) -> Score:
        """The score of the selected generator: the best by `train.keep`, or the last."""
        if self.train.keep == "last":
            return self.scores[-1]
        return min(self.scores, key=lambda score: score[self.train.keep])

    def load_selected(self) -> None:
        """Load the weights of the selected generator into the network."""
        for weight, best in zip(self.drawer.network.weights, self.best, strict=True):
            weight.assign(best)

    def state(self) -> tuple[list[Score], dict[str, NDArray[Any]]]:
        """Return the state for a checkpoint: the scores and the best weights."""
        return self.scores, {str(index): weight for index, weight in enumerate(self.best)}

    def restore(self, scores: list[Score], best: Mapping[str, NDArray[Any]]) -> None:
        """Restore a state that `state` returned."""
        self.scores, self.best = list(scores), [best[str(index)] for index in range(len(best))]


def new_problem(scores: list[Score]) -> str | None:
    """Describe a problem in one line if the last `CONSECUTIVE` scores show it and the score before them does not.

    Each problem is therefore reported once, and only if it appears during training: a condition that is true at the
    first score is ignored.
    """
    for is_shown, problem in ((_collapsed, "collapses onto few images"), (_diverged, "diverges")):
        shown = [is_shown(scores[: count + 1]) for count in range(len(scores))]
        if len(shown) > CONSECUTIVE and all(shown[-CONSECUTIVE:]) and not shown[-CONSECUTIVE - 1]:
            last, best = scores[-1], _best(scores)
            return (
                f"The generator {problem} at step {last['step']:.0f}: {_summary(last)}; "
                f"at its best, at step {best['step']:.0f}: {_summary(best)}."
            )
    return None


def _collapsed(scores: list[Score]) -> bool:
    """Return whether images repeat, or those of a breed have become too similar, compared with the best score.

    Measured values for 256 images:

    - Training photos compared with held-out photos: `different` 0.93 to 1, `variety` 0.97 to 1.03.
    - Collapsed onto 50 images: `different` 0.16; onto 20 images: 0.07.
    - One of eight breeds collapsed onto one image: `different` 0.19; half of the breeds: 0.05.
    - Two images each of 120 breeds (simulated), one image per breed: `different` 0.45, but `variety` 0.25; two images
      per breed: `different` 0.63.

    The first shapes that a generator draws vary 0.4 to 0.8 times as much as photos. `variety` is therefore compared
    with that of the best score.
    """
    last, best = scores[-1], _best(scores)
    too_similar = last["variety"] < COLLAPSED_VARIETY * min(best["variety"], 1.0)
    return last["different"] < COLLAPSED_SHARE <= best["different"] or too_similar


def _diverged(scores: list[Score]) -> bool:
    """Return whether the kernel distance is significantly more than `DIVERGED` times the best one."""
    last, best = scores[-1], _best(scores)
    nearest = max(best["kernel_distance"], 0.0) + CRITICAL * best["noise"]
    return last["kernel_distance"] - CRITICAL * last["noise"] > DIVERGED * nearest


def _best(scores: list[Score]) -> Score:
    return min(scores, key=lambda score: score["kernel_distance"])


def _summary(score: Score) -> str:
    return (
        f"kernel distance {score['kernel_distance']:.3g}, {score['different']:.0%} of the images distinct, "
        f"variety {score['variety']:.2f} times that of real photos"
    )
