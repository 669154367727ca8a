"""The table of breeds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas

from pedigree.pages.wording import breed_name, count

if TYPE_CHECKING:
    from pedigree.validate.stage import Validation


@dataclass(frozen=True)
class Column:
    """A column of numbers."""

    title: str
    meaning: str


@dataclass(frozen=True)
class Cell:
    """One cell: the text, and the number to sort by, which is empty if it is unknown."""

    text: str
    key: str


@dataclass(frozen=True)
class Row:
    """One breed: its name and its cells, in the order of `COLUMNS`."""

    breed: str
    cells: list[Cell]


COLUMNS = (
    Column("Photos", "All files in the breed's folder"),
    Column("Usable", "Photos that are not set aside"),
    Column("Boxes", "Annotated dogs in usable photos"),
    Column("Median size", "Median width × median height of usable photos as stored, in pixels; sorted by area"),
    Column("Median box", "Median of the longer sides of the boxes in pixels"),
    Column("With complaints", "Share of photos with at least one complaint"),
    Column("Near-duplicates", "Photos in a group of near-duplicates"),
)


def lay_out(validation: "Validation") -> list[Row]:
    """Return a row for each breed, by the name that is shown."""
    photos, complaints = validation.photos, validation.complaints
    complained = (complaints.drop(columns="photo") != "").any(axis=1)
    facts = validation.breeds.set_index("breed").assign(
        complained=complained.groupby(photos["breed"]).mean(),
        grouped=(photos["group"] != "").groupby(photos["breed"]).sum(),
    )
    rows = zip(facts.index, facts.to_dict("records"), strict=True)
    return sorted(
        (Row(breed_name(str(breed)), _cells(row)) for breed, row in rows), key=lambda row: row.breed.casefold()
    )


def _cells(row: dict[Any, Any]) -> list[Cell]:
    width, height, box, share = row["width_50"], row["height_50"], row["box_side_50"], row["complained"]
    return [
        *(_count(row[name]) for name in ("photos", "usable", "boxes")),
        Cell("", "") if pandas.isna(width) else Cell(f"{width:.0f} × {height:.0f}", f"{width * height:.0f}"),
        _count(box),
        Cell("", "") if pandas.isna(share) else Cell(f"{100 * share:.1f} %", f"{share:.5f}"),
        _count(0 if pandas.isna(row["grouped"]) else row["grouped"]),
    ]


def _count(number: float) -> Cell:
    return Cell("", "") if pandas.isna(number) else Cell(count(round(number)), f"{number:g}")
