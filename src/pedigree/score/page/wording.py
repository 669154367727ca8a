"""Numbers and names as a person reads them."""

import math
from collections.abc import Sequence
from typing import Any

from pedigree.common.breeds import display_name
from pedigree.common.measures import DEVIATIONS
from pedigree.metrics.estimate import standard_error

_HUGE = 1e7  # written as a power of ten: what dividing by next to nothing gives


def finite(value: Any) -> float | None:
    """Return `value`, an `Estimate` still one, where it is a finite number; None of anything else."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def margin(value: Any) -> float | None:
    """Return half the width of the 95 % interval of an `Estimate`; None of any other number."""
    error = standard_error(value)
    return None if error is None or not math.isfinite(error) else DEVIATIONS * error


def figure(value: float) -> str:
    """Write a number as exactly as its interval allows, or else to three digits: `0.724`, `1,024`."""
    if isinstance(value, int):
        return count(value)
    return _written(value, _decimals(margin(value) or 0.0, 2) if margin(value) else _decimals(value, 3))


def interval(value: float) -> str:
    """Write `± 0.028`, a 95 % interval; nothing for a number without one."""
    half = margin(value)
    return "" if half is None else f"± {_written(half, _decimals(half or value, 2 if half else 3))}"


def count(number: int) -> str:
    """Write a whole number in groups of three digits."""
    return f"{number:,}"


def percent(share: float) -> str:
    """Write a share as a whole number of a hundred."""
    return f"{100 * share:.0f}"


def of_100(share: float) -> str:
    """Write `72 of 100`, saying all, or none, only of all or none."""
    whole = round(100 * share)
    if whole in (0, 100) and 0 < share < 1:
        whole = 1 if whole == 0 else 99
    return f"{whole}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}100"


def breed_name(folder: str) -> str:
    """Return a breed's name as words."""
    return display_name(folder).replace("_", " ")


def listed(names: Sequence[str], most: int = 1000) -> str:
    """Join names: `a`, `a and b`, `a, b and c`, `a, b and 7 more` where there would be over `most`."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def capitalized(sentence: str) -> str:
    """Return the sentence with its first letter large, and the others as they are."""
    return sentence[:1].upper() + sentence[1:]


def _decimals(size: float, digits: int) -> int:
    """Return how many decimals show `digits` digits of `size`: 0 to 6."""
    return min(6, max(0, digits - 1 - math.floor(math.log10(abs(size))))) if size else digits - 1


def _written(value: float, decimals: int) -> str:
    if abs(value) >= _HUGE:
        digits, power = f"{value:.2e}".split("e")
        return f"{digits} × 10^{int(power)}".replace("-", "−")
    return f"{value + 0.0:,.{decimals}f}".replace("-", "−")
