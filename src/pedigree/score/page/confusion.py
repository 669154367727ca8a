"""The confusion matrix of breeds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedigree.pages.wording import breed_name, percent

_TABLE_BREEDS = 24  # with more breeds, the matrix is drawn instead of written
_PAIRS = 10
_SHADES = 5
_LEAST = 0.03  # smaller shares are left out of the drawing


@dataclass(frozen=True)
class Confused:
    """A requested breed, and another breed that some of its pictures are mistaken for."""

    requested: str
    predicted: str
    percent: str
    share: float


@dataclass(frozen=True)
class Shade:
    """Cells with about the same share, as one SVG path in units of a cell."""

    opacity: float
    path: str


@dataclass(frozen=True)
class Confusion:
    """The matrix, written as rows of shares or, with many breeds, drawn."""

    names: list[str]
    pairs: list[Confused]
    rows: list[list[tuple[float, str]]]  # the share, and the same in percent, empty if it rounds to 0
    shades: list[Shade]


def lay_out(breeds: tuple[str, ...], confusion: NDArray[np.float64]) -> Confusion:
    """Lay out `confusion` `(breeds, breeds)`. The row of a breed without pictures is NaN and stays empty."""
    shares = np.nan_to_num(np.asarray(confusion, dtype=np.float64))
    names = [breed_name(breed) for breed in breeds]
    written = len(breeds) <= _TABLE_BREEDS
    return Confusion(
        names,
        _pairs(names, shares),
        [[_cell(share) for share in row] for row in shares] if written else [],
        [] if written else _shades(shares),
    )


def _pairs(names: list[str], shares: NDArray[np.float64]) -> list[Confused]:
    apart = shares * (1 - np.eye(len(shares)))
    requested, predicted = np.unravel_index(np.argsort(-apart, axis=None, kind="stable")[:_PAIRS], apart.shape)
    return [
        Confused(names[row], names[column], percent(apart[row, column]), round(float(apart[row, column]), 3))
        for row, column in zip(requested, predicted, strict=True)
        if apart[row, column] >= 0.005
    ]


def _cell(share: float) -> tuple[float, str]:
    return round(float(share), 2), percent(share) if share >= 0.005 else ""


def _shades(shares: NDArray[np.float64]) -> list[Shade]:
    levels = np.ceil(shares * _SHADES).clip(1, _SHADES)
    shades = []
    for level in range(1, _SHADES + 1):
        cells = np.argwhere((levels == level) & (shares >= _LEAST))
        shades.append(Shade(level / _SHADES, "".join(f"M{column} {row}h1v1h-1z" for row, column in cells)))
    return [shade for shade in shades if shade.path]
