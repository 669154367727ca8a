"""Each number beside that of real photos, and its place between a useless generator and real photos."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedigree.common.measures import MEASURES
from pedigree.pages.wording import count
from pedigree.score.evaluation import Metrics
from pedigree.score.page.figures import figure, finite, interval, margin

_AT_FLOOR_SIZE = "_at_floor_size"
# The number of a useless generator (or its key), and what that generator does, by the beginning of the measure's name.
_USELESS: dict[str, tuple[float | str, str]] = {
    "breed_accuracy": ("breed_accuracy_chance", "ignores the breed"),
    "imagenet_accuracy": ("breed_accuracy_chance", "ignores the breed"),
    "precision": (0.0, "draws nothing that lies among real photos"),
    "density": (0.0, "draws nothing that lies among real photos"),
    "recall": (0.0, "draws nothing near a real photo"),
    "coverage": (0.0, "draws nothing near a real photo"),
    "intra_breed_diversity": (0.0, "draws one picture per breed"),
    "ms_ssim": (1.0, "draws one picture per breed"),
    "near_duplicates": (1.0, "draws one picture per breed"),
    "memorization_distance": (0.0, "copies training photos"),
}
_GROUPS = {
    "real": ("Do they look real?", ("frechet", "fid", "kernel", "kid", "precision", "density")),
    "breed": ("Are they the requested breed?", ("breed_accuracy", "imagenet_accuracy")),
    "copying": ("Are they copies?", ("memorization", "mifid")),
    "variety": (
        "Are they varied?",
        ("coverage", "recall", "intra_breed_diversity", "ms_ssim", "near_duplicates", "collapsed_breeds"),
    ),
}
_REAL_AT = 0.8  # the place of real photos on a bar; numbers to the right are better than theirs


@dataclass(frozen=True)
class ScaleBar:
    """Places on a line from a useless generator at 0, past real photos, to 100."""

    low: float  # of the 95 % interval, like `high`; both are `at` if there is none
    at: float
    high: float
    real: float
    off: str  # "left" or "right" if the value is beyond that end of the line, else empty
    words: str


@dataclass(frozen=True)
class Reading:
    """One number as text."""

    key: str
    title: str
    meaning: str
    better: str  # which direction is better; empty if neither is
    value: str
    interval: str
    real: str  # the number of held-out photos; empty if it is not known, like the following texts
    real_interval: str
    note: str  # the number of pictures, if the number depends on it
    way: float | None  # 0 for a useless generator, 1 for real photos
    bar: ScaleBar | None


@dataclass(frozen=True)
class Group:
    """The readings that answer one question."""

    name: str
    question: str
    readings: list[Reading]


def read(numbers: Metrics, train_features: NDArray[np.floating] | None = None) -> dict[str, Reading]:
    """Return a reading for each known number of `MEASURES`, by its key.

    The reading of a number at the floor's size includes the number for all pictures, which has no reading of its own.
    Without the training features, Fréchet distances have no bar.
    """
    present = [key for key in MEASURES if finite(numbers.get(key)) is not None]
    included = {key.removesuffix(_AT_FLOOR_SIZE) for key in present if key.endswith(_AT_FLOOR_SIZE)}
    spread = None if train_features is None else float(np.var(train_features, axis=0, dtype=np.float64).sum())
    return {key: _reading(key, numbers, spread) for key in present if key not in included}


def group(readings: dict[str, Reading]) -> list[Group]:
    """Group the readings by the question they answer. Those that answer none come last."""
    groups, left = [], dict(readings)
    for name, (question, beginnings) in _GROUPS.items():
        keys = [key for beginning in beginnings for key in left if key.startswith(beginning)]
        groups.append(Group(name, question, [left.pop(key) for key in dict.fromkeys(keys)]))
    groups.append(Group("other", "What else was measured", list(left.values())))
    return [one for one in groups if one.readings]


def _number(numbers: Metrics, key: str) -> float:
    value = finite(numbers[key])
    if value is None:
        raise KeyError(key)
    return value


def _reading(key: str, numbers: Metrics, spread: float | None) -> Reading:
    measure, value = MEASURES[key], _number(numbers, key)
    whole = MEASURES.get(key.removesuffix(_AT_FLOOR_SIZE), measure)
    real = finite(numbers.get(measure.real)) if measure.real else None
    useless, does = _useless(key, numbers, spread)
    way = None if useless is None or real is None else _way(float(value), useless, real)
    return Reading(
        key=key,
        title=whole.title,
        meaning=whole.meaning,
        better=f"{measure.better} is better" if measure.better else "",
        value=figure(value),
        interval=interval(value),
        real="" if real is None else figure(real),
        real_interval="" if real is None else interval(real),
        note=_note(key, numbers),
        way=way,
        bar=None if way is None or useless is None or real is None else _bar(value, useless, real, does),
    )


def _useless(key: str, numbers: Metrics, spread: float | None) -> tuple[float | None, str]:
    """Return the number of a useless generator, if known, and what that generator does.

    A generator that always draws the mean of the training features has the sum of their variances as Fréchet distance.
    """
    if key.startswith("frechet_distance"):
        return spread, "always draws the average photo"
    for beginning, (value, does) in _USELESS.items():
        if key.startswith(beginning):
            return finite(numbers.get(value)) if isinstance(value, str) else value, does
    return None, ""


def _way(value: float, useless: float, real: float) -> float | None:
    return (value - useless) / (real - useless) if abs(real - useless) > 1e-9 else None


def _bar(value: float, useless: float, real: float, does: str) -> ScaleBar:
    half = margin(value) or 0.0
    ways = [(number - useless) / (real - useless) for number in (value - half, value, value + half)]
    low, at, high = (round(100 * min(1.0, max(0.0, way * _REAL_AT)), 1) for way in (min(ways), ways[1], max(ways)))
    way = f"{figure(round(ways[1], 2))} of the way from {figure(useless)} (a generator that {does})"
    words = f"{way} to {figure(real)} (real photos)"
    off = "left" if ways[1] < 0 else "right" if ways[1] * _REAL_AT > 1 else ""
    return ScaleBar(low, at, high, 100 * _REAL_AT, off, words)


def _note(key: str, numbers: Metrics) -> str:
    """Return the number of pictures as text, for a number that depends on it."""
    samples, holdout = finite(numbers.get("samples")), finite(numbers.get("holdout"))
    if not MEASURES[key].sized or samples is None:
        return ""
    if not key.endswith(_AT_FLOOR_SIZE) or holdout is None:
        return f"of all {count(int(samples))} pictures"
    whole = finite(numbers.get(key.removesuffix(_AT_FLOOR_SIZE)))
    also = "" if whole is None else f"; of all {count(int(samples))}: {figure(whole)} {interval(whole)}".rstrip()
    return f"of {count(int(min(samples, holdout)))} pictures, as many as held-out crops{also}"
