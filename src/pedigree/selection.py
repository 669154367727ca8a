"""The best generator, not the last: scores on a few pictures during training, and what they warn of."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedigree import extractors
from pedigree.dataset import Crops
from pedigree.errors import PedigreeError
from pedigree.features import cached_features, drawn_features
from pedigree.generator import Generator
from pedigree.judgement import spread
from pedigree.metrics.diversity import collapse
from pedigree.metrics.frechet import fit
from pedigree.metrics.kernel import kernel_distance
from pedigree.train_params import Train

EXTRACTOR = "efficientnet-lite0"
FEWEST = 6  # held-out crops to hold the pictures against
ON_END = 2  # scores on end at which collapse or divergence is sure
DIVERGED = 2.0  # times the best kernel distance, and beyond noise
CERTAIN = 2.326  # standard errors that chance exceeds once in 100 times


class Selection:
    """Keeps the generator's weights that scored best, and tells when scores turn bad.

    Every look draws `train.score_samples` pictures, their breeds as the training crops have them, always from the same
    latents, and holds them against the held-out crops: so the numbers are a function of the weights.

    Raises:
        PedigreeError: there are too few held-out crops to score against.
    """

    def __init__(self, drawer: Generator, crops: Crops, train: Train) -> None:
        if len(crops.holdout_labels) < FEWEST:
            raise PedigreeError(
                f"train.score_every needs {FEWEST} held-out crops to score against, and there are "
                f"{len(crops.holdout_labels)}: raise crop.holdout, or set train.score_every: 0 and train.keep: last."
            )
        self.drawer, self.train, self.breeds = drawer, train, len(crops.breeds)
        self.extractor = extractors.load(EXTRACTOR, None)
        self.real = cached_features(self.extractor, crops.holdout_images)
        self.real_labels = np.asarray(crops.holdout_labels)
        self.normal = fit(self.real)
        self.labels = np.sort(crops.train_labels)[spread(train.score_samples, len(crops.train_labels))]
        self.scores: list[dict[str, float]] = []
        self.best: list[NDArray[Any]] = []

    def look(self, step: int) -> tuple[dict[str, float], str | None]:
        """Score the generator as it is after `step` steps.

        Returns:
            The distances to the held-out crops, by name; and in one line what is wrong, when it is new and sure.
        """
        _, features = drawn_features(self.drawer, self.extractor, self.labels, self.train.seed)
        distance = kernel_distance(self.real, features, seed=self.train.seed)
        numbers = {"kernel_distance": float(distance), "frechet_distance": float(self.normal.distance(features))}
        judged = collapse(self.real, self.real_labels, features, self.labels, self.breeds)
        pooled = collapse(self.real, np.zeros_like(self.real_labels), features, np.zeros_like(self.labels), 1)
        share = 1.0 if pooled.collapsed[0] else float(judged.collapsed.mean())
        self.scores.append({"step": step, "noise": distance.standard_error, "collapsed": share} | numbers)
        if self.kept_step == step:
            self.best = [np.array(weight) for weight in self.drawer.network.weights]
        return numbers, self._trouble()

    @property
    def kept_step(self) -> int:
        """After how many steps the generator was that is kept: the best by `train.keep`, or the last scored."""
        if self.train.keep == "last":
            return int(self.scores[-1]["step"])
        return int(min(self.scores, key=lambda score: score[self.train.keep])["step"])

    def put_back(self) -> None:
        """Give the drawer's network the weights that are kept."""
        for weight, best in zip(self.drawer.network.weights, self.best, strict=True):
            weight.assign(best)

    def state(self) -> tuple[list[dict[str, float]], dict[str, NDArray[Any]]]:
        """Return what a checkpoint keeps."""
        return self.scores, {str(place): weight for place, weight in enumerate(self.best)}

    def restore(self, scores: list[dict[str, float]], best: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` returned."""
        self.scores, self.best = list(scores), [best[str(place)] for place in range(len(best))]

    def _trouble(self) -> str | None:
        """Say what is wrong if the last `ON_END` scores show it, and the one before did not."""
        for shows, told in ((_collapsed, "collapses"), (_diverged, "diverges")):
            signs = [shows(self.scores[: count + 1]) for count in range(len(self.scores))]
            if len(signs) > ON_END and all(signs[-ON_END:]) and not signs[-ON_END - 1]:
                last, best = self.scores[-1], min(self.scores, key=lambda score: score["kernel_distance"])
                return (
                    f"The generator {told} at step {last['step']:.0f}: {shows.__doc__} Kernel distance "
                    f"{last['kernel_distance']:.3g}, at best {best['kernel_distance']:.3g} at step {best['step']:.0f}."
                )
        return None


def _collapsed(scores: list[dict[str, float]]) -> bool:
    """half of the breeds or more draw too much alike."""
    return scores[-1]["collapsed"] >= 0.5


def _diverged(scores: list[dict[str, float]]) -> bool:
    """its pictures are clearly farther from real ones than they were."""
    best = min(score["kernel_distance"] for score in scores)
    return scores[-1]["kernel_distance"] - CERTAIN * scores[-1]["noise"] > max(DIVERGED * best, 0.0)
