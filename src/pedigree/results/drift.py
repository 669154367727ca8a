"""Data drift: how the photos of each breed, their looks and their colours changed between two projects."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from numpy.typing import NDArray

from pedigree.common.breeds import display_name
from pedigree.common.packed_crops import Crops, load_crops
from pedigree.common.paths import CENSUS, CROPS
from pedigree.photos.census import read_census

READS = (str(CENSUS), str(CROPS))  # the inputs of `between`, relative to each project's root
_NEEDED = ("breed", "usable", "width", "height")  # of the census, which an older version may have written
SIZE = 0.1  # smallest reported change of a breed's median side, relative
DEVIATIONS = 4.0  # smallest reported change of a mean, in standard errors: none of 120 breeds by chance
SAME = "same"  # what changed in a breed without changes
LEVELS = 5.0  # and in levels of 255, so that invisible changes are not reported


@dataclass(frozen=True)
class _Look:
    """A number of each photo whose mean over a breed is compared: its least reported change, and words for both ways.

    A measure that one of the censuses lacks, because an older version wrote it, is not compared.
    """

    least: float
    more: str
    fewer: str
    share: bool = False  # of photos: its standard error is never below 1 / photos


_LOOKS = {
    "sharpness": _Look(0.3, "sharper photos", "blurred photos"),
    "brightness": _Look(0.05, "brighter photos", "darker photos"),
    "contrast": _Look(0.02, "more contrast", "less contrast"),
    "aspect": _Look(0.1, "wider photos", "narrower photos"),
    "grey": _Look(0.05, "more grey photos", "fewer grey photos", share=True),
    "grouped": _Look(0.05, "more near-duplicates", "fewer near-duplicates", share=True),
}


def between(before: Path, now: Path) -> list[dict[str, Any]]:
    """Compare the projects at two roots. Return a row for each breed of either, changed breeds first.

    Raises:
        PedigreeError: one of them has no census or no crops.
    """
    old, new = (_facts(root) for root in (before, now))
    rows = [_row(breed, old.get(breed), new.get(breed)) for breed in sorted({*old, *new})]
    return sorted(rows, key=lambda row: row["what"] == SAME)


def _facts(root: Path) -> dict[str, dict[str, Any]]:
    """Return for each breed: usable photos, median shorter side, mean colour, measures, and their standard errors."""
    photos, crops = read_census(root / CENSUS, _NEEDED), load_crops(root / CROPS)
    usable = photos[photos["usable"]]
    sides = usable[["width", "height"]].min(axis=1).groupby(usable["breed"])
    counts, medians, colors, looks = sides.size(), sides.median(), _colors(crops), _looks(usable)
    return {
        breed: {
            "photos": int(counts[breed]),
            "side": float(medians[breed]),
            "color": colors.get(breed),
            "looks": {name: (means[breed], errors[breed]) for name, (means, errors) in looks.items()},
        }
        for breed in counts.index
    }


def _looks(usable: pandas.DataFrame) -> dict[str, tuple[pandas.Series, pandas.Series]]:
    """Return the means of the measures by breed, and their standard errors."""
    columns = {name: usable[name].astype(float) for name in _LOOKS if name in usable}
    if "group" in usable:
        columns["grouped"] = (usable["group"] != "").astype(float)
    looks = {}
    for name, values in columns.items():
        by_breed = values.groupby(usable["breed"])
        counts = by_breed.size()
        least = 1 / counts if _LOOKS[name].share else 0.0
        looks[name] = by_breed.mean(), (by_breed.std() / counts**0.5).clip(lower=least)
    return looks


def _colors(crops: Crops) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return each breed's mean RGB over its training crops, in levels of 255, and the standard errors."""
    colors = {}
    for label, breed in enumerate(crops.breeds):
        places = np.flatnonzero(crops.train_labels == label)
        means = np.array([crops.train_images[place].mean(axis=(0, 1)) for place in places])
        if len(means) > 1:
            colors[breed] = means.mean(axis=0), means.std(axis=0, ddof=1) / len(means) ** 0.5
    return colors


def _row(breed: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "breed": display_name(breed),
        "photos before": old["photos"] if old else 0,
        "now": new["photos"] if new else 0,
        "median side before": old["side"] if old else None,
        "side now": new["side"] if new else None,
        "colour change": _shift(old, new) if old and new else None,
        "what": _words(old, new),
    }


def _shift(old: dict[str, Any], new: dict[str, Any]) -> float | None:
    """Return the distance of the mean colours in levels, or 0 if it is within chance or invisible."""
    if old["color"] is None or new["color"] is None:
        return None
    (before, error_before), (now, error_now) = old["color"], new["color"]
    moved = np.abs(now - before) > np.maximum(DEVIATIONS * np.hypot(error_before, error_now), LEVELS)
    return round(float(np.linalg.norm(now - before)), 1) if moved.any() else 0.0


def _words(old: dict[str, Any] | None, new: dict[str, Any] | None) -> str:
    """Describe what changed in a breed."""
    if old is None or new is None:
        return "new" if old is None else "gone"
    words, more = [], new["photos"] - old["photos"]
    if more:
        words.append(f"{abs(more)} {'more' if more > 0 else 'fewer'} photo{'s' * (abs(more) > 1)}")
    if abs(new["side"] - old["side"]) > SIZE * old["side"]:
        words.append("larger photos" if new["side"] > old["side"] else "smaller photos")
    if _shift(old, new):
        words.append("other colours")
    words += [_look(name, old["looks"][name], new["looks"][name]) for name in old["looks"] if name in new["looks"]]
    return ", ".join(filter(None, words)) or SAME


def _look(name: str, old: tuple[float, float], new: tuple[float, float]) -> str:
    """Return how a measure changed; empty if it did not by more than chance and enough to matter.

    A standard error is NaN if a breed has one photo: then nothing is known.
    """
    measure, change, error = _LOOKS[name], new[0] - old[0], float(np.hypot(old[1], new[1]))
    if not (abs(change) > DEVIATIONS * error and abs(change) > measure.least):
        return ""
    return measure.more if change > 0 else measure.fewer
