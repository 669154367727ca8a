"""YAML that a person wrote: every text gives a value or a ValueError of one line, quickly."""

import time

import pytest

from pedigree.settings.plain_yaml import DEEPEST, parse

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 2026-13-45", "month"),
        (f"a: {'9' * 6000}", "digits"),
        ("a: !!omap\n- x: 1\n- x: 2\n", "AssertionError"),
        ("a: !!python/object:os.system x", "constructor"),
        ("[" * 100_000, "levels"),
        ("- " * 300_000, "levels"),
        ("{a: " * 3000, "levels"),
        ("a: &a [*a]", "levels"),
        ("a: &a {b: *a}", "levels"),
        (BOMB, "values"),
        (f"a: [{'1, ' * 300_000}]", "values"),
        (f"# {'x' * 1_000_000}", "characters"),
        ("a: !!timestamp x", "timestamp"),
        ("a: !!bool x", "x"),
        ("a: \ud800", "surrogates"),
        ("a: \x07", "control"),
        ("a: 1\n---\nb: 2", "document"),
    ],
)
def test_no_text_crashes_or_takes_long(text: str, reason: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ValueError, match=reason) as error:
        parse(text)
    assert "\n" not in str(error.value)
    assert time.perf_counter() - start < 20


def test_aliases_and_merges_work() -> None:
    assert parse("a: &a {x: [1, 2.5]}\nb: *a\nc: {<<: *a, y: null}") == {
        "a": {"x": [1, 2.5]},
        "b": {"x": [1, 2.5]},
        "c": {"x": [1, 2.5], "y": None},
    }


def test_the_deepest_text_is_read() -> None:
    text = "[" * DEEPEST + "1" + "]" * DEEPEST
    assert str(parse(text)) == text
