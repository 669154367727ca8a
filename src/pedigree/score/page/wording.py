"""Numbers and names as text for people."""

import math
from collections.abc import Sequence
from typing import Any

from pedigree.common.breeds import display_name
from pedigree.common.measures import DEVIATIONS
from pedigree.metrics.estimate import standard_error

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


def count(number: int) -> str:
    """Format a whole number in groups of three digits."""
    return f"{number:,}"


def percent(share: float) -> str:
    """Format a share as whole percent, without the sign."""
    return f"{100 * share:.0f}"


def of_100(share: float) -> str:
    """Format a share as `72 of 100`. Only exactly 0 and 1 become `0 of 100` and `100 of 100`."""
    whole = round(100 * share)
    if whole in (0, 100) and 0 < share < 1:
        whole = 1 if whole == 0 else 99
    return f"{whole}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}100"


def breed_name(folder: str) -> str:
    """Return a breed's name with spaces."""
    return display_name(folder).replace("_", " ")


def listed(names: Sequence[str], most: int = 1000) -> str:
    """Join names: `a`, `a and b`, `a, b and c`, or `a, b and 7 more` if there are more than `most`."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def capitalized(sentence: str) -> str:
    """Return the sentence with a capital first letter."""
    return sentence[:1].upper() + sentence[1:]


def _decimals(size: float, digits: int) -> int:
    """Return the number of decimals that show `digits` digits of `size`: 0 to 6."""
    return min(6, max(0, digits - 1 - math.floor(math.log10(abs(size))))) if size else digits - 1


def _written(value: float, decimals: int) -> str:
    if abs(value) >= _HUGE:
        digits, power = f"{value:.2e}".split("e")
        return f"{digits} × 10^{int(power)}".replace("-", "−")
    return f"{value + 0.0:,.{decimals}f}".replace("-", "−")
