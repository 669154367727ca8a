"""Round numbers along an axis."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float  # in the picture's units
    label: str


@dataclass(frozen=True)
class Axis:
    """Numbers from `low` to `high` laid out from `start` to `end`, in the picture's units."""

    low: float
    high: float
    start: float
    end: float

    def place(self, number: float) -> float:
        """Return where a number stands, to a tenth of a unit."""
        share = (number - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, about: int = 5) -> list[Tick]:
        """Return some `about` ticks at round numbers."""
        step = _round_step((self.high - self.low) / about)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [Tick(self.place(n * step), _label(n * step, step)) for n in range(first, last + 1)]


def around(low: float, high: float, start: float, end: float) -> Axis:
    """Return an axis that holds `low` to `high` and begins and ends at a round number."""
    if not high > low:
        low, high = low - 1, high + 1
    step = _round_step((high - low) / 5)
    return Axis(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, start, end)


def _round_step(step: float) -> float:
    """Return the least of 1, 2 or 5 times a power of ten that is no less than `step`."""
    power = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    return next(times * power for times in (1, 2, 5, 10) if times * power >= step * (1 - 1e-9))


def _label(number: float, step: float) -> str:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{number + 0.0:,.{decimals}f}".replace("-0", "0" if not round(number, decimals) else "-0").replace("-", "−")
