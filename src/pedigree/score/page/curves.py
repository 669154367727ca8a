"""Line charts of the training history."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pedigree.pages.axes import Axis, Tick, around
from pedigree.pages.strips import some

_CHARTS = {
    "Losses": {"discriminator_loss": "discriminator", "generator_loss": "generator"},
    "Logits of the discriminator": {"real_logit": "real photos", "fake_logit": "generated pictures"},
    "Distance to held-out crops": {"kernel_distance": "kernel distance of a few pictures"},
}
_POINTS = 400  # at most, per line
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 408.0, 10.0, 196.0


@dataclass(frozen=True)
class Line:
    """One line of a chart."""

    title: str
    path: str


@dataclass(frozen=True)
class Chart:
    """Lines over the training steps, in SVG units."""

    title: str
    lines: list[Line]
    across: list[Tick]
    up: list[Tick]
    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    bottom: float = _BOTTOM


def draw(history: pd.DataFrame | None) -> list[Chart]:
    """Return the charts for which the history has data."""
    if history is None or "step" not in history:
        return []
    charts = [_chart(title, lines, history) for title, lines in _CHARTS.items()]
    return [chart for chart in charts if chart]


def _chart(title: str, lines: dict[str, str], history: pd.DataFrame) -> Chart | None:
    present = [name for name in lines if name in history]
    frame = history[["step", *present]].apply(pd.to_numeric, errors="coerce").replace([np.inf, -np.inf], np.nan)
    frame = frame.dropna()
    if frame.empty or not present:
        return None
    frame = frame.iloc[some(np.arange(len(frame)), _POINTS)]
    values = frame[present].to_numpy(dtype=np.float64)
    across = Axis(float(frame["step"].min()), float(frame["step"].max()), _LEFT, _RIGHT)
    if across.low == across.high:
        across = Axis(across.low - 1, across.high + 1, _LEFT, _RIGHT)
    up = around(min(0.0, float(values.min())), float(values.max()), _BOTTOM, _TOP)
    paths = [_path(frame["step"], frame[name], across, up) for name in present]
    drawn = [Line(lines[name], path) for name, path in zip(present, paths, strict=True)]
    return Chart(title, drawn, across.ticks(6), up.ticks())


def _path(steps: "pd.Series[float]", values: "pd.Series[float]", across: Axis, up: Axis) -> str:
    places = [f"{across.place(step)} {up.place(value)}" for step, value in zip(steps, values, strict=True)]
    return "M" + "L".join(places) + ("h0" if len(places) == 1 else "")
