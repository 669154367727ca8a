"""`reports/translation/translation.html`: the translations for people to look at, in one file that needs no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pedigree import __version__
from pedigree.common.spread import spread
from pedigree.pages.strips import Strip, encode
from pedigree.pages.templates import environment
from pedigree.pages.wording import breed_name, count, of_100
from pedigree.translate.evaluation import JUDGE, Direction

COLUMNS = 10  # crops shown of each breed
SIDE = 128  # pixels; larger crops are reduced to this
BUDGET = 1_000_000  # bytes of the pictures of a direction


@dataclass(frozen=True)
class Row:
    """A number of the translations, and what it is compared with."""

    question: str
    value: str
    compared: Sequence[tuple[str, str]]  # what, and its number
    meaning: str


@dataclass(frozen=True)
class Section:
    """A direction on the page."""

    source: str
    target: str
    strips: Sequence[tuple[str, Strip]]  # what a row of pictures shows, and the pictures
    rows: Sequence[Row]


def render(directions: Sequence[Direction], steps: int) -> str:
    """Return the page as HTML. Equal input gives equal text.

    Args:
        directions: the translations of both directions.
        steps: the length of the training.
    """
    sections = [_section(direction) for direction in directions]
    template = environment(__name__).get_template("page.html")
    return template.render(version=__version__, judge=JUDGE, steps=steps, columns=COLUMNS, sections=sections)


def _section(direction: Direction) -> Section:
    source, target = breed_name(direction.source), breed_name(direction.target)
    shown = np.unique(spread(min(COLUMNS, len(direction.crops)), len(direction.crops)))
    pictures = [images[shown] for images in (direction.crops, direction.translations, direction.back)]
    titles = ("held-out photos", f"as {target}", f"and back to {source}")
    strips = list(zip(titles, encode(pictures, SIDE, BUDGET), strict=True))
    return Section(source, target, strips, _rows(direction, source, target))


def _rows(direction: Direction, source: str, target: str) -> list[Row]:
    numbers: Any = direction.numbers
    return [
        Row(
            f"Taken for {target}",
            of_100(numbers["breed_accuracy"]),
            [
                ("before the translation", of_100(numbers["breed_accuracy_untranslated"])),
                (f"real {target}", of_100(numbers["breed_accuracy_real"])),
            ],
            "A classifier that learned the two breeds from training photos decides between them. "
            f"Number of held-out photos: {count(numbers['crops'])}.",
        ),
        Row(
            f"Distance to photos of {target}",
            f"{numbers['frechet_distance']:.1f}",
            [
                ("before the translation", f"{numbers['frechet_distance_untranslated']:.1f}"),
                (f"other photos of {target}", f"{numbers['frechet_distance_real']:.1f}"),
            ],
            "The Fréchet distance to held-out photos; smaller is better.",
        ),
        Row(
            "Content kept",
            f"{numbers['content_kept']:.2f}",
            [("another dog", f"{numbers['content_kept_unrelated']:.2f}")],
            "How alike a photo and its translation are in early features of a network: 1 is the same.",
        ),
        Row(
            "Lost on the way there and back",
            f"{numbers['round_trip']:.1f}",
            [("two different photos", f"{numbers['round_trip_unrelated']:.1f}")],
            "The mean difference of a pixel, in levels of 255; smaller is better.",
        ),
    ]
