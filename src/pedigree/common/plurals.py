"""Nouns after a number: `1 photo`, `2 photos`."""


def noun(number: int, one: str, several: str = "") -> str:
    """Return `one` if the number is 1, else `several`; without it, `one` and an s."""
    return one if number == 1 else several or f"{one}s"


def plural(number: int, one: str, several: str = "") -> str:
    """Return the number and its `noun`."""
    return f"{number} {noun(number, one, several)}"
