"""Text in pictures: no letter is an empty box, equal text gives equal pixels, and text lies where its anchor says."""

import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from numpy.typing import NDArray
from PIL import Image, ImageDraw, features

from pedigree.common import fonts
from pedigree.common.fonts import Font

SIZE = 20


def written(text: str, anchor: str = "la", place: tuple[float, float] = (10, 10)) -> NDArray[np.uint8]:
    """Return the ink of a text: `(60, 600)`, 0 for none."""
    picture = Image.new("RGB", (600, 60), "white")
    Font(SIZE).write(ImageDraw.Draw(picture), place, text, "black", anchor)
    return 255 - np.asarray(picture)[:, :, 0]


def trimmed(ink: NDArray[np.uint8]) -> bytes:
    """Return the pixels of a text without the background around it, and their size."""
    rows, columns = (np.flatnonzero(ink.any(axis)) for axis in (1, 0))
    if not len(rows):
        return b""
    part = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return repr(part.shape).encode() + part.tobytes()


def boxes() -> set[bytes]:
    """Return how each font draws a letter that it does not have."""
    drawn = set()
    for file in fonts.FILES:
        picture = Image.new("RGB", (600, 60), "white")
        font = fonts._load(file, SIZE)
        ImageDraw.Draw(picture).text((10, 10), "\U0010fffd", fill="black", font=font)
        drawn.add(trimmed(255 - np.asarray(picture)[:, :, 0]))
    return drawn


@pytest.mark.parametrize("letter", "aZ09ñéßłőşžĄЖыЩΩγώ犬柴しイ진개狮—–…×−א")
def test_no_letter_is_an_empty_box(letter: str) -> None:
    assert trimmed(written(letter)) not in boxes() | {b""}


def test_the_letters_of_a_name_differ_from_each_other() -> None:
    letters = "ñÑnЖжΩω犬大しじ진짐"
    assert len({trimmed(written(letter)) for letter in letters}) == len(letters)


@pytest.mark.parametrize(
    "block", ["LATIN SMALL LETTER", "LATIN CAPITAL LETTER", "CYRILLIC", "GREEK", "HIRAGANA LETTER", "HANGUL SYLLABLE"]
)
def test_common_scripts_are_complete(block: str) -> None:
    letters = [chr(code) for code in [*range(0xA1, 0x500), *range(0x3040, 0x3100), *range(0xAC00, 0xAE00)]]
    letters = [letter for letter in letters if unicodedata.name(letter, "").startswith(block)]
    missing = [letter for letter in letters if fonts._file_with(letter) is None]
    assert len(letters) > 50
    assert len(missing) < 0.05 * len(letters), missing


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("ไ", r"\u0e44"),
        ("🐶", r"\U0001f436"),
        ("a\u202eb", r"a\u202eb"),
        ("e\u0301", "é"),
        ("a\u3000b\u00a0c\td", "a b c d"),
    ],
)
def test_what_no_font_has_is_escaped_and_forms_of_a_letter_are_equal(text: str, same: str) -> None:
    assert np.array_equal(written(text), written(same))


@pytest.mark.parametrize("text", ["pug", "Жучка 柴犬 ñ", "כלב"])
def test_text_lies_where_its_anchor_says(text: str) -> None:
    width = Font(SIZE).width(text)
    for anchor, left in (("la", 300), ("ma", 300 - width / 2), ("ra", 300 - width)):
        columns = np.flatnonzero(written(text, anchor, (300, 10)).any(0))
        assert abs(columns[0] - left) <= 3
        assert abs(columns[-1] - left - width) <= 4
    top, middle = (np.flatnonzero(written(text, anchor, (10, 30)).any(1)) for anchor in ("la", "lm"))
    assert top[0] >= 30
    assert abs((top[0] - 30) - (middle[0] - 30 + Font(SIZE).height / 2)) <= 1


def test_a_larger_font_is_larger() -> None:
    small, large = Font(10), Font(20)
    assert 1.8 < large.width("Chihuahua") / small.width("Chihuahua") < 2.2
    assert 1.8 < large.height / small.height < 2.2


@pytest.mark.skipif(not features.check("raqm"), reason="without Raqm, letters are drawn in the order of the text")
def test_letters_from_right_to_left_are_drawn_so() -> None:
    first, last = "\N{HEBREW LETTER SHIN}", "\N{HEBREW LETTER LAMED}"
    ink, alone = written(f"{first}{last}"), written(first)
    right, end = (np.flatnonzero(one.any(0))[-1] + 1 for one in (ink, alone))
    assert np.array_equal(ink[:, right - 8 : right], alone[:, end - 8 : end])


def test_text_that_needs_no_shaping_is_equal_without_raqm(monkeypatch: pytest.MonkeyPatch) -> None:
    with_raqm = written("VAWA fi Ñandú Жучка 柴犬")
    monkeypatch.setattr(features, "check", lambda _: False)
    assert np.array_equal(written("VAWA fi Ñandú Жучка 柴犬"), with_raqm)
    written("כלב")  # is drawn, in whatever order


def test_the_fonts_are_part_of_the_package_with_their_licences() -> None:
    folder = ROOT / "src/pedigree/common/typefaces"
    assert {path.name for path in folder.glob("*.ttf")} == set(fonts.FILES)
    readme = (folder / "README.md").read_text()
    assert all(file in readme for file in fonts.FILES)
    assert all((folder / link).exists() for link in re.findall(r"\]\(([^)]+)\)", readme))


def test_every_place_that_writes_in_pictures_uses_these_fonts() -> None:
    code = [path for name in ("src", "flows", "bench") for path in Path(ROOT / name).rglob("*.py")]
    assert [path for path in code if "ImageFont" in path.read_text() and path.name != "fonts.py"] == []
