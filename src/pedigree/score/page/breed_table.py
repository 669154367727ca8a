"""The table of breeds, the worst first."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pedigree.common.measures import DEVIATIONS
from pedigree.pages.wording import breed_name, count


@dataclass(frozen=True)
class Column:
    """A column, shown if breeds.csv has it."""

    name: str
    title: str
    meaning: str
    write: Callable[[Any], str]
    text: bool = False
    beside: bool = False  # belongs to the previous column


@dataclass(frozen=True)
class Cell:
    """One cell of the table."""

    text: str
    key: str  # sort key; an empty one is sorted last
    is_text: bool


@dataclass(frozen=True)
class BreedRow:
    """One breed."""

    breed: str
    collapsed: bool
    cells: list[Cell]


@dataclass(frozen=True)
class Table:
    """The columns after the breed's name, and the rows."""

    columns: list[Column]
    rows: list[BreedRow]


def _share(value: float) -> str:
    return f"{value:.2f}"


def _half(error: float) -> str:
    return f"± {DEVIATIONS * error:.2f}"


def _half_tenths(error: float) -> str:
    return f"± {DEVIATIONS * error:.1f}"


def _tenths(value: float) -> str:
    return f"{value:,.1f}"


_COLUMNS = (
    Column("trouble", "Trouble", "Average shortfall from real photos: 0 is like them, 1 is the worst", _share),
    Column("frechet_distance", "Fréchet", "Fréchet distance to the breed's training crops", _tenths),
    Column("frechet_distance_error", "±", "Half of its 95 % interval", _half_tenths, beside=True),
    Column("frechet_distance_floor", "real", "The same for the breed's held-out photos", _tenths, beside=True),
    Column("breed_accuracy", "Accuracy", "Share that the probe assigns to this breed", _share),
    Column("breed_accuracy_error", "±", "Half of its 95 % interval", _half, beside=True),
    Column("breed_accuracy_holdout", "real", "The same for the breed's held-out photos", _share, beside=True),
    Column("imagenet_accuracy", "By ImageNet", "Share that the network's own classes assign to this breed", _share),
    Column("imagenet_accuracy_holdout", "real", "The same for the breed's held-out photos", _share, beside=True),
    Column("mistaken_for", "Mistaken for", "The breed its pictures are most often mistaken for", breed_name, text=True),
    Column("mistaken_share", "share", "The share of its pictures that are mistaken for it", _share),
    Column("precision", "Precision", "Share of its pictures that lie among real photos", _share),
    Column("diversity_ratio", "Diversity", "How varied its pictures are, relative to real photos of it", _share),
    Column("diversity_ratio_error", "±", "Half of its 95 % interval", _half, beside=True),
    Column("near_duplicates", "Twins", "Share of its pictures with a near duplicate", _share),
    Column("different", "Different", "The effective number of different pictures", _tenths),
    Column("ms_ssim", "MS-SSIM", "Average structural similarity of its pictures; 1 is identical", _share),
    Column("ms_ssim_real", "real", "The same for real photos of the breed", _share, beside=True),
    Column("generated", "Drawn", "Pictures generated", lambda value: count(int(value))),
    Column("train", "Training", "Training crops", lambda value: count(int(value))),
    Column("holdout", "Held out", "Held-out crops", lambda value: count(int(value))),
)


def by_trouble(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows by trouble, the worst first. Rows with equal or unknown trouble keep their order."""
    return table.sort_values("trouble", ascending=False, kind="stable") if "trouble" in table else table


def collapsed(table: pd.DataFrame) -> list[str]:
    """Return the breeds marked as collapsed, in the table's order."""
    if "collapsed" not in table:
        return []
    return [str(breed) for breed, mark in zip(table["breed"], table["collapsed"], strict=True) if _is_true(mark)]


def lay_out(breeds: tuple[str, ...], table: pd.DataFrame) -> Table:
    """Return the table with the columns that `table` has, for the rows of known breeds."""
    columns = [column for column in _COLUMNS if column.name in table and not table[column.name].isna().all()]
    if "mistaken_for" not in [column.name for column in columns]:
        columns = [column for column in columns if column.name != "mistaken_share"]
    marked = set(collapsed(table))
    records = [record for record in by_trouble(table).to_dict("records") if record["breed"] in breeds]
    rows = [
        BreedRow(breed_name(name := record["breed"]), name in marked, [_cell(record[one.name], one) for one in columns])
        for record in records
    ]
    return Table(columns, rows)


def _cell(value: Any, column: Column) -> Cell:
    if column.text:
        named = value if isinstance(value, str) else ""
        return Cell(column.write(named), column.write(named), True)
    known = isinstance(value, int | float | np.number) and math.isfinite(value)
    return Cell(column.write(value), f"{float(value):.6g}", False) if known else Cell("", "", False)


def _is_true(mark: Any) -> bool:
    return isinstance(mark, bool | np.bool_) and bool(mark)
