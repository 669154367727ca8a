"""The table of breeds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas

from pedigree.pages.wording import breed_name, count

if TYPE_CHECKING:
    from pedigree.validate.stage import Validation


@dataclass(frozen=True)
class BreedColumn:
    """A column of numbers."""

    title: str
    meaning: str


@dataclass(frozen=True)
class BreedCell:
    """One cell: the text, and the number to sort by, which is empty if it is unknown."""

    text: str
    key: str


@dataclass(frozen=True)
class BreedCounts:
    """One breed: its name and its cells, in the order of `COLUMNS`."""

    breed: str
    cells: list[BreedCell]


COLUMNS = (
    BreedColumn("Photos", "All files in the breed's folder"),
    BreedColumn("Usable", "Photos that are not set aside"),
    BreedColumn("Boxes", "Annotated dogs in usable photos"),
    BreedColumn("Median size", "Median width × median height of usable photos as stored, in pixels; sorted by area"),
    BreedColumn("Median box", "Median of the longer sides of the boxes in pixels"),
    BreedColumn("With complaints", "Share of photos with at least one complaint"),
    BreedColumn("Near-duplicates", "Photos in a group of near-duplicates"),
)


def lay_out(validation: "Validation") -> list[BreedCounts]:
    """Return a row for each breed, by the name that is shown."""
    photos, complaints = validation.photos, validation.complaints
    complained = (complaints.drop(columns="photo") != "").any(axis=1)
    facts = validation.breeds.set_index("breed").assign(
        complained=complained.groupby(photos["breed"]).mean(),
        grouped=(photos["group"] != "").groupby(photos["breed"]).sum(),
    )
    rows = zip(facts.index, facts.to_dict("records"), strict=True)
    return sorted(
        (BreedCounts(breed_name(str(breed)), _cells(row)) for breed, row in rows), key=lambda row: row.breed.casefold()
    )


def _cells(row: dict[Any, Any]) -> list[BreedCell]:
    width, height, box, share = row["width_50"], row["height_50"], row["box_side_50"], row["complained"]
    return [
        *(_count(row[name]) for name in ("photos", "usable", "boxes")),
        BreedCell("", "") if pandas.isna(width) else BreedCell(f"{width:.0f} × {height:.0f}", f"{width * height:.0f}"),
        _count(box),
        BreedCell("", "") if pandas.isna(share) else BreedCell(f"{100 * share:.1f} %", f"{share:.5f}"),
        _count(0 if pandas.isna(row["grouped"]) else row["grouped"]),
    ]


def _count(number: float) -> BreedCell:
    return BreedCell("", "") if pandas.isna(number) else BreedCell(count(round(number)), f"{number:g}")
