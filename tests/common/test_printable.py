"""Text for terminals: control characters are escaped, letters of all scripts stay."""

import io

import pytest

from pedigree.common.printable import printable, printable_line
from pedigree.common.progress import progress_bar

NASTY = "\x1b]0;owned\x07 \x9b31m \u202egnp.exe\u2066 \r\x08\x7f \ud800\udcff \u2028"


@pytest.mark.parametrize("letter", NASTY.replace(" ", "").replace("0;owned31mgnp.exe", ""))
def test_a_character_that_controls_a_terminal_is_escaped(letter: str) -> None:
    if not letter.isprintable():
        assert printable(letter) == repr(letter)[1:-1]


def test_nothing_that_controls_a_terminal_is_left() -> None:
    text = printable(NASTY)
    assert text.isprintable()
    assert r"\x1b]0;owned\x07" in text
    assert r"\u202egnp.exe" in text
    text.encode()


@pytest.mark.parametrize(
    "text", ["Chien d'Artois", "柴犬", "собака", "e\u0301", "🐕", "a\\x1b", "two\nlines\tand a tab"]
)
def test_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
    assert printable(printable(text)) == text


def test_a_line_has_no_line_ends() -> None:
    assert printable_line("two\nlines\r\n and\x1b more") == r"two lines and\x1b more"


def test_the_label_of_a_progress_bar_is_escaped() -> None:
    out = io.StringIO()
    with progress_bar(label=f"unpack {NASTY}.tar", total=1, file=out) as bar:
        bar.update(1)
    assert "\x1b]" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert r"unpack \x1b]0;owned" in out.getvalue()
