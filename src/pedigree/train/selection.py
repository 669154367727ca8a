"""The best generator, not the last: scores on a few pictures during training, and what they warn of."""

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

FEWEST, MOST = 6, 1000  # held-out crops to hold the pictures against; more would take longer than drawing does
ON_END = 2  # scores on end at which collapse or divergence is sure
COLLAPSED_SHARE = 1 / 6  # of the pictures that are different ones: 256 onto some 50
COLLAPSED_VARIETY = 0.7  # of the variety at its best
DIVERGED = 2.0  # times the best kernel distance

Score = dict[str, float]


class Selection:
    """Keeps the generator's weights that scored best, and tells when scores turn bad.

    Every look draws `train.score_samples` pictures, their breeds as the training crops have them, always from the same
    latents, and holds them against the held-out crops, of which at most `MOST` are taken evenly: so the numbers are a
    function of the weights.

    Raises:
        PedigreeError: there are too few held-out crops to score against.
    """

    def __init__(self, drawer: Generator, crops: Crops, train: Train) -> None:
        total = len(crops.holdout_labels)
        if total < FEWEST:
            raise PedigreeError(
                f"train.score_every needs {FEWEST} held-out crops to score against, and there are {total}: "
                "raise crop.holdout, or set train.score_every: 0 and train.keep: last."
            )
        self.drawer, self.train, self.breeds = drawer, train, len(crops.breeds)
        self.extractor = extractors.load(train.score_extractor, None)
        by_breed = np.argsort(crops.holdout_labels, kind="stable")
        chosen = np.sort(by_breed[spread(min(MOST, total), total)])
        self.real = cached_features(self.extractor, crops.holdout_images[chosen])
        self.real_labels = crops.holdout_labels[chosen]
        self.normal = fit(self.real)
        self.labels = np.sort(crops.train_labels)[spread(train.score_samples, len(crops.train_labels))]
        self.scores: list[Score] = []
        self.best: list[NDArray[Any]] = []

    def look(self, step: int) -> tuple[Score, str | None]:
        """Score the generator as it is after `step` steps.

        Returns:
            By name, its distances to the held-out crops; `different`, the share of its pictures that are different
            ones; `variety`, how far apart those of a breed are beside real ones; NaN where there are too few to tell.
            And in one line what is wrong, when it is new and sure.
        """
        _, features = drawn_features(self.drawer, self.extractor, self.labels, self.train.seed, shown=False)
        distance = kernel_distance(self.real, features, seed=self.train.seed)
        alike = collapse(self.real, np.zeros_like(self.real_labels), features, np.zeros_like(self.labels), 1)
        by_breed = collapse(self.real, self.real_labels, features, self.labels, self.breeds)
        numbers = {
            "kernel_distance": float(distance),
            "frechet_distance": float(self.normal.distance(features)),
            "different": float(alike.different[0]) / len(features),
            "variety": float(by_breed.ratio.mean()),
        }
        self.scores.append({"step": step, "noise": distance.standard_error} | numbers)
        if self.kept["step"] == step:
            self.best = [np.array(weight) for weight in self.drawer.network.weights]
        return numbers, trouble(self.scores)

    @property
    def kept(self) -> Score:
        """The score of the generator that is kept: the best by `train.keep`, or the last."""
        if self.train.keep == "last":
            return self.scores[-1]
        return min(self.scores, key=lambda score: score[self.train.keep])

    def put_back(self) -> None:
        """Give the drawer's network the weights that are kept."""
        for weight, best in zip(self.drawer.network.weights, self.best, strict=True):
            weight.assign(best)

    def state(self) -> tuple[list[Score], dict[str, NDArray[Any]]]:
        """Return what a checkpoint keeps."""
        return self.scores, {str(place): weight for place, weight in enumerate(self.best)}

    def restore(self, scores: list[Score], best: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` returned."""
        self.scores, self.best = list(scores), [best[str(place)] for place in range(len(best))]


def trouble(scores: list[Score]) -> str | None:
    """Say in one line what is wrong if the last `ON_END` scores show it, and the one before them did not.

    So a run is told of a change, once: what has been so from its first score on is how it learns, not what befell it.
    """
    for shows, told in ((_collapsed, "collapses onto few pictures"), (_diverged, "diverges")):
        signs = [shows(scores[: count + 1]) for count in range(len(scores))]
        if len(signs) > ON_END and all(signs[-ON_END:]) and not signs[-ON_END - 1]:
            last, best = scores[-1], _best(scores)
            return (
                f"The generator {told} at step {last['step']:.0f}: {_facts(last)}; "
                f"at its best, at step {best['step']:.0f}: {_facts(best)}."
            )
    return None


def _collapsed(scores: list[Score]) -> bool:
    """Whether the pictures repeat themselves or those of a breed have drawn together, as they had not at their best.

    Held-out photos against as many training photos as 256 pictures: different 0.93 to 1, variety 0.97 to 1.03. Onto 50
    pictures 0.16 are different, onto 20 of them 0.07; one of eight breeds onto one picture 0.19, half of the breeds
    0.05. Of 120 breeds (simulated) drawn twice each, one picture a breed is 0.45, but its variety 0.25; two are 0.63.
    A generator's first shapes vary 0.4 to 0.8 times as much as photos: so variety is held against what it was at best.
    """
    last, best = scores[-1], _best(scores)
    drawn_together = last["variety"] < COLLAPSED_VARIETY * min(best["variety"], 1.0)
    return last["different"] < COLLAPSED_SHARE <= best["different"] or drawn_together


def _diverged(scores: list[Score]) -> bool:
    """Whether the pictures are clearly more than `DIVERGED` times as far from real ones as they were."""
    last, best = scores[-1], _best(scores)
    nearest = max(best["kernel_distance"], 0.0) + CRITICAL * best["noise"]
    return last["kernel_distance"] - CRITICAL * last["noise"] > DIVERGED * nearest


def _best(scores: list[Score]) -> Score:
    return min(scores, key=lambda score: score["kernel_distance"])


def _facts(score: Score) -> str:
    return (
        f"kernel distance {score['kernel_distance']:.3g}, {score['different']:.0%} of the pictures different, "
        f"variety {score['variety']:.2f} of real photos'"
    )
