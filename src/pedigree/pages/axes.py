"""Axes of plots with ticks at round numbers."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float  # in SVG units
    label: str


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` at `start` to `high` at `end`, in SVG units."""

    low: float
    high: float
    start: float
    end: float

    def place(self, number: float) -> float:
        """Return the position of a number, rounded to a tenth of a unit."""
        share = (number - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, about: int = 5) -> list[Tick]:
        """Return about `about` ticks at round numbers."""
        step = _round_step((self.high - self.low) / about)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [Tick(self.place(n * step), _label(n * step, step)) for n in range(first, last + 1)]


def around(low: float, high: float, start: float, end: float) -> Axis:
    """Return an axis that contains `low` and `high` and starts and ends at round numbers."""
    if not high > low:
        low, high = low - 1, high + 1
    step = _round_step((high - low) / 5)
    return Axis(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, start, end)


def _round_step(step: float) -> float:
    """Return the smallest of 1, 2 or 5 times a power of ten that is at least `step`."""
    power = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    return next(times * power for times in (1, 2, 5, 10) if times * power >= step * (1 - 1e-9))


def _label(number: float, step: float) -> str:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{number + 0.0:,.{decimals}f}".replace("-0", "0" if not round(number, decimals) else "-0").replace("-", "−")
