"""Nouns after a number."""

import pytest

from pedigree.common.plurals import noun, plural


@pytest.mark.parametrize(
    ("number", "nouns", "text"),
    [
        (0, ("photo",), "0 photos"),
        (1, ("photo",), "1 photo"),
        (2, ("photo",), "2 photos"),
        (1, ("photo is", "photos are"), "1 photo is"),
        (3, ("box", "boxes"), "3 boxes"),
    ],
)
def test_only_one_is_singular(number: int, nouns: tuple[str, ...], text: str) -> None:
    assert plural(number, *nouns) == text
    assert f"{number} {noun(number, *nouns)}" == text
