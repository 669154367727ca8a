"""A number with its standard error."""

import math
from typing import Any, Self


class Estimate(float):
    """A float with a standard error: roughly its standard deviation over new samples of pictures.

    It covers the choice of pictures, and of subsets if there are any. It does not cover another training run with
    another seed.
    """

    standard_error: float

    def __new__(cls, value: float, standard_error: float) -> Self:
        estimate = super().__new__(cls, value)
        estimate.standard_error = float(standard_error)
        return estimate

    def __getnewargs__(self) -> tuple[float, float]:  # type: ignore[override] # floats have one argument, this class has two
        return float(self), self.standard_error

    def __repr__(self) -> str:
        return f"{float(self):.6g} ± {self.standard_error:.2g}"


def standard_error(value: Any) -> float | None:
    """Return the standard error of an `Estimate`, or None for any other number."""
    return value.standard_error if isinstance(value, Estimate) else None


def share_of(count: int, total: int) -> Estimate:
    """Return count / total with its binomial standard error, which is never 0.

    With a uniform prior, the true share has the Beta distribution with parameters count + 1 and total − count + 1
    (Laplace). The standard error is the standard deviation of that distribution.
    """
    mean = (count + 1) / (total + 2)
    return Estimate(count / total, math.sqrt(mean * (1 - mean) / (total + 3)))
