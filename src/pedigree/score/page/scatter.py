"""The map of real and generated pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedigree.pages.strips import some
from pedigree.score.evaluation import Evaluation

_POINTS = 800  # at most, of each side
_WIDTH, _HEIGHT, _EDGE = 560.0, 400.0, 12.0
_SHAPES = {
    "covered": "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",  # a disc
    "uncovered": "m-2.4 0a2.4 2.4 0 1 0 4.8 0a2.4 2.4 0 1 0-4.8 0",  # a ring
    "realistic": "m0-3.4l3 5.6h-6z",  # a triangle
    "unrealistic": "m-2.6-2.6l5.2 5.2m0-5.2l-5.2 5.2",  # a cross
}


@dataclass(frozen=True)
class Marks:
    """Points of one kind, as one SVG path."""

    kind: str
    count: int  # of all, shown or not
    path: str


@dataclass(frozen=True)
class Map:
    """A drawing, and its shapes for the legend."""

    marks: list[Marks]
    keys: dict[str, str]
    shown: int
    width: float
    height: float


def draw(evaluation: Evaluation) -> Map:
    """Draw at most `_POINTS` evenly spaced points of each side. Both axes have the same scale."""
    train, generated = (np.asarray(points, np.float64) for points in (evaluation.train_map, evaluation.generated_map))
    places = _fit(np.concatenate([train, generated]))
    real, drawn = places[: len(train)], places[len(train) :]
    kinds = {
        "uncovered": (real, ~evaluation.covered),
        "covered": (real, evaluation.covered),
        "unrealistic": (drawn, ~evaluation.realistic),
        "realistic": (drawn, evaluation.realistic),
    }
    marks = [_marks(kind, points, which.astype(bool)) for kind, (points, which) in kinds.items()]
    keys = {kind: f"M7 7{shape}" for kind, shape in _SHAPES.items()}
    return Map(marks, keys, _POINTS, _WIDTH, _HEIGHT)


def _fit(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale and shift points `(n, 2)` to fit the drawing, with the second axis upwards."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array([_WIDTH - 2 * _EDGE, _HEIGHT - 2 * _EDGE])
    scale = (room / np.maximum(high - low, 1e-12)).min()
    centred = (points - (low + high) / 2) * scale * [1, -1]
    return np.asarray(centred + np.array([_WIDTH, _HEIGHT]) / 2)


def _marks(kind: str, points: NDArray[np.float64], which: NDArray[np.bool_]) -> Marks:
    shown = some(np.arange(len(points)), _POINTS)
    path = "".join(f"M{x:.1f} {y:.1f}{_SHAPES[kind]}" for x, y in points[shown[which[shown]]])
    return Marks(kind, int(which.sum()), path)
