"""The generated pictures that are nearest to a training photo, each beside that photo."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedigree.pages.axes import Tick, around
from pedigree.pages.bars import Bar, bars
from pedigree.pages.strips import Strip, encode
from pedigree.pages.wording import breed_name
from pedigree.score.evaluation import Evaluation
from pedigree.score.page.figures import figure
from pedigree.score.sample import Sample

_PAIRS = 12
_SIDE = 64
_BUDGET = 60_000
_BINS = 40
_WIDTH, _HEIGHT, _EDGE = 420.0, 120.0, 24.0


@dataclass(frozen=True)
class Pair:
    """A generated picture and its nearest training photo."""

    strip: Strip
    distance: str
    suspicious: bool
    requested: str
    photo: str  # the photo's breed
    others: int  # other generated pictures with the same nearest photo


@dataclass(frozen=True)
class Histogram:
    """The number of pictures by distance."""

    bars: list[Bar]
    threshold: float | None  # x, if it is within the axis
    ticks: list[Tick]
    width: float
    height: float


@dataclass(frozen=True)
class NearestCrops:
    """The nearest pairs, and the distances of all pictures."""

    pairs: list[Pair]
    threshold: str
    below: int
    pictures: int
    histogram: Histogram


def lay_out(breeds: tuple[str, ...], train: Sample, generated: Sample, evaluation: Evaluation) -> NearestCrops:
    """Choose the nearest pictures, one per training photo, and make a histogram of all distances."""
    nearness, nearest = evaluation.nearness, evaluation.nearest
    order = np.argsort(nearness, kind="stable")
    _, firsts, uses = np.unique(nearest[order], return_index=True, return_counts=True)
    by_nearness = np.argsort(firsts)[:_PAIRS]
    chosen, others = order[firsts[by_nearness]], uses[by_nearness] - 1
    strips = encode([np.stack([generated.images[one], train.images[nearest[one]]]) for one in chosen], _SIDE, _BUDGET)
    pairs = [
        Pair(
            strip,
            _distance(nearness[one]),
            bool(nearness[one] < evaluation.suspicious),
            breed_name(breeds[generated.labels[one]]),
            breed_name(breeds[train.labels[nearest[one]]]),
            int(more),
        )
        for one, more, strip in zip(chosen, others, strips, strict=True)
    ]
    below = int((nearness < evaluation.suspicious).sum())
    histogram = _histogram(nearness, evaluation.suspicious)
    return NearestCrops(pairs, _distance(evaluation.suspicious), below, len(nearness), histogram)


def _distance(number: float) -> str:
    return figure(float(number))


def _histogram(nearness: NDArray[np.float64], threshold: float) -> Histogram:
    axis = around(0.0, max(float(nearness.max()), threshold), 16.0, _WIDTH - 16.0)
    base = _HEIGHT - _EDGE
    drawn = bars(nearness, axis, _BINS, base, base - 14)
    return Histogram(drawn, axis.place(threshold), axis.ticks(), _WIDTH, _HEIGHT)
