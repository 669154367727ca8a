"""Text for terminals and logs, without the characters that control them.

Names from archives, annotations, models and parameters can contain any character. Some characters move the cursor,
change colours or the title of the terminal, or show text in another order than it has.
"""

KEPT = "\n\t"


def printable(text: str) -> str:
    r"""Escape every character that `repr` escapes, except line ends and tabs.

    These are control characters, marks of direction, other invisible characters and lone surrogates. `"\x1b"` becomes
    the four characters `\x1b`. Letters of all scripts and emoji stay.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in KEPT else _escape(letter) for letter in text)


def printable_line(text: str) -> str:
    """Escape as `printable` does, and join all lines to one."""
    return printable(" ".join(text.split()))


def _escape(letter: str) -> str:
    return repr(letter)[1:-1]
