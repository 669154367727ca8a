"""Galleries of breeds, the worst first: generated pictures beside real ones."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedigree.pages.strips import Strip, encode, some
from pedigree.pages.wording import breed_name
from pedigree.score.page import breed_table
from pedigree.score.sample import Sample

_ENDS = 3  # breeds at each end that are not folded
_COLUMNS = 8
_SIDE, _SMALL_SIDE = 64, 40  # pixels
_FOLDED_PICTURES = 360  # per side, in all folded breeds together
_BUDGET, _FOLDED_BUDGET = 110_000, 230_000  # bytes


@dataclass(frozen=True)
class BreedGallery:
    """One breed's pictures."""

    breed: str
    collapsed: bool
    generated: Strip | None  # None if there are no pictures
    real: Strip | None


@dataclass(frozen=True)
class Galleries:
    """All breeds by trouble. If there are few, all are in `worst`."""

    worst: list[BreedGallery]
    folded: list[BreedGallery]
    best: list[BreedGallery]
    columns: int
    folded_columns: int


def lay_out(
    breeds: tuple[str, ...], train: Sample, holdout: Sample, generated: Sample, table: pd.DataFrame
) -> Galleries:
    """Choose evenly spaced pictures of every breed. Real ones are held-out crops or, without any, training crops."""
    order = [breeds.index(breed) for breed in breed_table.by_trouble(table)["breed"] if breed in breeds]
    few = len(order) <= 2 * _ENDS
    folded = [] if few else order[_ENDS:-_ENDS]
    columns = int(np.clip(_FOLDED_PICTURES // max(1, len(folded)), 3, _COLUMNS))
    collapsed = set(breed_table.collapsed(table))

    def galleries(labels: list[int], columns: int, side: int, budget: int) -> list[BreedGallery]:
        rows = [_pictures(generated, label, columns) for label in labels]
        rows += [_pictures(holdout if label in holdout.labels else train, label, columns) for label in labels]
        strips = iter(encode([row for row in rows if len(row)], side, budget))
        shown = [next(strips) if len(row) else None for row in rows]
        both = zip(labels, shown[: len(labels)], shown[len(labels) :], strict=True)
        return [
            BreedGallery(breed_name(breeds[label]), breeds[label] in collapsed, one, other)
            for label, one, other in both
        ]

    ends = galleries([label for label in order if label not in folded], _COLUMNS, _SIDE, _BUDGET)
    return Galleries(
        worst=ends if few else ends[:_ENDS],
        folded=galleries(folded, columns, _SIDE if columns == _COLUMNS else _SMALL_SIDE, _FOLDED_BUDGET),
        best=[] if few else ends[_ENDS:],
        columns=_COLUMNS,
        folded_columns=columns,
    )


def _pictures(sample: Sample, label: int, number: int) -> NDArray[np.uint8]:
    return sample.images[some(np.flatnonzero(sample.labels == label), number)]
