"""What the dataset card says about the photos, from the census."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pedigree.pages.wording import breed_name
from pedigree.photos.census import breed_census, read_census

MOST_PHOTOS = 100  # that the card lists by name


@dataclass(frozen=True)
class BreedRow:
    """A breed: its name, its photos, those that are used, and the median size of these."""

    name: str
    photos: int
    used: int
    size: str


@dataclass(frozen=True)
class PhotoFacts:
    """The census in numbers.

    Attributes:
        photos: all photos in the breeds' folders.
        used: those that can be used.
        breeds: a row for each breed.
        reasons: how many photos are not used, by reason.
        left_out: the photos that are not used, with the reason; at most `MOST_PHOTOS`.
    """

    photos: int
    used: int
    breeds: list[BreedRow]
    reasons: dict[str, int]
    left_out: list[tuple[str, str]]


def read_photo_facts(census: Path) -> PhotoFacts:
    """Read the census.

    Raises:
        PedigreeError: it is missing or damaged.
    """
    photos = read_census(census)
    left_out = photos[~photos["usable"]]
    breeds = [
        BreedRow(breed_name(row["breed"]), row["photos"], row["usable"], _size(row["width_50"], row["height_50"]))
        for row in breed_census(photos).to_dict("records")
    ]
    return PhotoFacts(
        photos=len(photos),
        used=int(photos["usable"].sum()),
        breeds=breeds,
        reasons=dict(Counter(problem.partition(":")[0] for problem in left_out["problem"]).most_common()),
        left_out=list(zip(left_out["photo"][:MOST_PHOTOS], left_out["problem"][:MOST_PHOTOS], strict=True)),
    )


def _size(width: float, height: float) -> str:
    return "–" if math.isnan(width) else f"{width:.0f} × {height:.0f}"  # NaN: no photo of the breed is used
