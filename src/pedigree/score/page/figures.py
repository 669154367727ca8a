"""Numbers as text for people, with the decimals that their intervals allow."""

import math
from typing import Any

from pedigree.common.measures import DEVIATIONS
from pedigree.metrics.estimate import standard_error
from pedigree.pages.wording import count

_HUGE = 1e7  # written as a power of ten; division by almost 0 gives such numbers


def finite(value: Any) -> float | None:
    """Return `value` if it is a finite number (an `Estimate` stays one), else None."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def margin(value: Any) -> float | None:
    """Return half the width of the 95 % interval of an `Estimate`, or None for any other number."""
    error = standard_error(value)
    return None if error is None or not math.isfinite(error) else DEVIATIONS * error


def figure(value: float) -> str:
    """Format a number with the decimals of its interval, or with three digits if it has none: `0.724`, `1,024`."""
    if isinstance(value, int):
        return count(value)
    return _written(value, _decimals(margin(value) or 0.0, 2) if margin(value) else _decimals(value, 3))


def interval(value: float) -> str:
    """Format the 95 % interval: `± 0.028`, or an empty text for a number without one."""
    half = margin(value)
    return "" if half is None else f"± {_written(half, _decimals(half or value, 2 if half else 3))}"


def _decimals(size: float, digits: int) -> int:
    """Return the number of decimals that show `digits` digits of `size`: 0 to 6."""
    return min(6, max(0, digits - 1 - math.floor(math.log10(abs(size))))) if size else digits - 1


def _written(value: float, decimals: int) -> str:
    if abs(value) >= _HUGE:
        digits, power = f"{value:.2e}".split("e")
        return f"{digits} × 10^{int(power)}".replace("-", "−")
    return f"{value + 0.0:,.{decimals}f}".replace("-", "−")
