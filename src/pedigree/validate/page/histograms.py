"""Histograms of what was measured of the usable photos."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas
from numpy.typing import NDArray

from pedigree.pages.axes import Axis, Tick, around
from pedigree.pages.bars import Bar, bars
from pedigree.pages.wording import count
from pedigree.photos.phash import LEAST_ENTROPY
from pedigree.validate.complaints import BRIGHT, DARK, SHARP

Values = NDArray[np.float64]

_WIDTH, _HEIGHT = 280.0, 176.0  # SVG units
_LEFT, _RIGHT, _TOP, _BASE = 44.0, 268.0, 12.0, 132.0
_BINS = 32
_TAIL = 99.5  # percentile; larger values are counted in the last bar


@dataclass(frozen=True)
class Limit:
    """A dashed line."""

    at: float  # x in SVG units
    number: float


@dataclass(frozen=True)
class MeasureChart:
    """One histogram.

    Attributes:
        title: what was measured.
        unit: of the horizontal axis; empty if it has none.
        note: what the limits mean; empty without limits.
        summary: the median and the range in words.
        beyond: says what the last bar also counts; empty if nothing.
        bars: the bars.
        limits: where photos count as unclear.
        across: ticks of the horizontal axis.
        up: ticks of the vertical axis.
    """

    title: str
    unit: str
    note: str
    summary: str
    beyond: str
    bars: list[Bar]
    limits: list[Limit]
    across: list[Tick]
    up: list[Tick]
    width: float = _WIDTH
    height: float = _HEIGHT
    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    base: float = _BASE


@dataclass(frozen=True)
class _PhotoMeasure:
    title: str
    unit: str
    decimals: int
    values: Callable[[pandas.DataFrame], Values]
    noun: str = "photos"
    limits: tuple[float, ...] = ()
    note: str = ""


def _column(name: str, unit: float = 1) -> Callable[[pandas.DataFrame], Values]:
    return lambda photos: photos[name].to_numpy(np.float64) / unit


def _shorter_sides(photos: pandas.DataFrame) -> Values:
    return photos[["width", "height"]].min(axis=1).to_numpy(np.float64)


def _box_sides(photos: pandas.DataFrame) -> Values:
    """Return the longer side of every box in pixels."""
    lists = photos["boxes"][~photos["boxes"].isin(["", "[]"])].str.slice(1, -1)
    corners = np.array(json.loads(f"[{','.join(lists)}]"), np.float64).reshape(-1, 4)
    return np.asarray((corners[:, 2:] - corners[:, :2]).max(axis=1))


_MEASURES = (
    _PhotoMeasure("Shorter side", "pixels", 0, _shorter_sides),
    _PhotoMeasure("Longer side of a box", "pixels", 0, _box_sides, noun="boxes"),
    _PhotoMeasure("Aspect", "width / height", 2, _column("aspect")),
    _PhotoMeasure("File size", "kB", 0, _column("bytes", 1000)),
    _PhotoMeasure(
        "Brightness",
        "0 black, 1 white",
        2,
        _column("brightness"),
        limits=(DARK, BRIGHT),
        note=f"Dark: brightness plus twice the contrast is below {DARK}. "
        f"Bright: brightness minus twice the contrast is above {BRIGHT}.",
    ),
    _PhotoMeasure("Contrast", "standard deviation of the brightness", 2, _column("contrast")),
    _PhotoMeasure(
        "Sharpness",
        "relative to the contrast",
        1,
        _column("sharpness"),
        limits=(SHARP,),
        note=f"Below {SHARP}: blurred.",
    ),
    _PhotoMeasure(
        "Entropy",
        "bits",
        1,
        _column("entropy"),
        limits=(LEAST_ENTROPY,),
        note=f"Below {LEAST_ENTROPY:g}: empty.",
    ),
)


def draw(photos: pandas.DataFrame) -> list[MeasureChart]:
    """Draw a histogram of each measure of the usable photos; none of a measure without values."""
    usable = photos[photos["usable"]]
    drawn = [(measure, measure.values(usable)) for measure in _MEASURES] if len(usable) else []
    return [_chart(measure, values) for measure, values in drawn if len(values)]


def _chart(measure: _PhotoMeasure, values: Values) -> MeasureChart:
    low, middle, tail, high = np.percentile(values, [0, 50, _TAIL, 100])
    across = (
        around(min(low, *measure.limits), max(tail, *measure.limits), _LEFT, _RIGHT)
        if measure.limits
        else around(float(low), float(tail), _LEFT, _RIGHT)
    )
    beyond = int((values > across.high).sum())
    kept = np.minimum(values, across.high)
    most = int(np.histogram(kept, bins=_BINS, range=(across.low, across.high))[0].max())
    up = around(0.0, float(most), _BASE, _TOP)
    return MeasureChart(
        measure.title,
        measure.unit,
        measure.note,
        f"median {_number(middle, measure)}, from {_number(low, measure)} to {_number(high, measure)}",
        f"{count(beyond)} larger {'is' if beyond == 1 else 'are'} in the last bar" if beyond else "",
        bars(kept, across, _BINS, _BASE, _BASE - up.place(most)),
        [Limit(across.place(limit), limit) for limit in measure.limits],
        across.ticks(4),
        _whole(up),
    )


def _whole(up: Axis) -> list[Tick]:
    """Return the ticks at whole numbers."""
    return [tick for tick in up.ticks(4) if "." not in tick.label]


def _number(value: float, measure: _PhotoMeasure) -> str:
    return f"{value:,.{measure.decimals}f}"
