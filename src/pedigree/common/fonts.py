"""Text in pictures: names in many scripts, with fonts that come with Pedigree, so that they look alike everywhere.

Each letter is drawn with the first of the fonts that has it. A letter that none has is escaped, such as `\\u0e01`, and
so is an invisible one. Text that is written from right to left, or has marks apart from their letters, needs Raqm.
Pillow's wheels have it; it needs FriBiDi on the machine. Without it, letters are drawn from left to right.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from PIL import ImageDraw, ImageFont, features

from pedigree.common.names import composed
from pedigree.common.printable import printable

FILES = ("DejaVuSans.ttf", "DroidSansFallback.ttf")  # in the order in which they are searched for a letter
_FOLDER = Path(__file__).parent / "typefaces"
_SHAPED = {"R", "AL", "NSM"}  # classes of Unicode's bidirectional algorithm: right to left, Arabic, marks on letters
_NO_LETTER = "\uffff"  # every font draws its glyph .notdef, an empty box, for it
_TEST_SIZE = 16  # pixels


@dataclass(frozen=True)
class Font:
    """The fonts at a size in pixels."""

    size: int

    @property
    def height(self) -> int:
        """The height of a line in pixels, from the highest to the lowest part of a letter."""
        return sum(self._first.getmetrics())

    def width(self, text: str) -> float:
        """Return how many pixels a line of text takes."""
        return sum(font.getlength(part) for font, part in self._parts(text))

    def write(self, draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, ink: str, anchor: str) -> None:
        """Write a line of text.

        Args:
            draw: the picture.
            place: x and y of the anchor in pixels.
            text: the line.
            ink: its colour.
            anchor: where the text lies at `place`: "l", "m" or "r" for its left end, middle or right end, and then "a"
                or "m" for the top or the middle of a line.
        """
        ascent, descent = self._first.getmetrics()
        x = round(place[0] - {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]] * self.width(text))
        baseline = round(place[1] + {"a": ascent, "m": (ascent - descent) / 2}[anchor[1]])
        for font, part in self._parts(text):
            draw.text((x, baseline), part, fill=ink, font=font, anchor="ls")
            x += round(font.getlength(part))

    @property
    def _first(self) -> ImageFont.FreeTypeFont:
        return _load(FILES[0], self.size)

    def _parts(self, text: str) -> Iterator[tuple[ImageFont.FreeTypeFont, str]]:
        """Yield the parts of a text and their fonts."""
        for file, letters in groupby(_drawable(text), _file_with):
            part = "".join(letters)
            shaped = any(unicodedata.bidirectional(letter) in _SHAPED for letter in part)
            yield _load(file or FILES[0], self.size, shaped and features.check("raqm")), part


def _drawable(text: str) -> str:
    """Return a text whose letters the fonts have. The letters that they do not have are escaped."""
    return "".join(
        letter if _file_with(letter) else ascii(letter)[1:-1] for letter in printable(" ".join(composed(text).split()))
    )


@lru_cache(maxsize=10_000)
def _file_with(letter: str) -> str | None:
    """Return the first file that has a glyph for a letter, None if none has."""
    if letter == " ":
        return FILES[0]
    for file in FILES:
        font = _load(file, _TEST_SIZE)
        glyph, box = font.getmask(letter), font.getmask(_NO_LETTER)
        if (glyph.size, bytes(glyph)) != (box.size, bytes(box)):
            return file
    return None


@lru_cache(maxsize=100)
def _load(file: str, size: int, shaped: bool = False) -> ImageFont.FreeTypeFont:
    """Load a font. `shaped` text needs Raqm; the basic layout gives equal pictures with and without Raqm."""
    layout = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
    return ImageFont.truetype(_FOLDER / file, size, layout_engine=layout)
