"""A number that knows how far chance may have moved it."""

import math
from typing import Any, Self


class Estimate(float):
    """A float with the standard error of its sampling: about the standard deviation over samples drawn anew.

    The sampling is that of the pictures (and of the subsets, where there are any). What another training run, with
    another seed, would change is not in it.
    """

    standard_error: float

    def __new__(cls, value: float, standard_error: float) -> Self:
        estimate = super().__new__(cls, value)
        estimate.standard_error = float(standard_error)
        return estimate

    def __getnewargs__(self) -> tuple[float, float]:  # type: ignore[override] # floats give one, we need two
        return float(self), self.standard_error

    def __repr__(self) -> str:
        return f"{float(self):.6g} ± {self.standard_error:.2g}"


def standard_error(value: Any) -> float | None:
    """Return the standard error of an `Estimate`; None of any other number."""
    return value.standard_error if isinstance(value, Estimate) else None


def share_of(found: int, total: int) -> Estimate:
    """Return found / total with its binomial standard error, never 0.

    After `found` of `total`, with all shares as likely before, the true share follows the Beta distribution of
    found + 1 and total − found + 1 (Laplace); the error is its standard deviation.
    """
    likely = (found + 1) / (total + 2)
    return Estimate(found / total, math.sqrt(likely * (1 - likely) / (total + 3)))
