"""What a check of `pedigree doctor` returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Level = Literal["fine", "note", "problem"]  # a problem stops the pipeline


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    Attributes:
        check: what was checked, in one word.
        level: "fine"; "note" if a person should know it; "problem" if it stops the pipeline.
        text: what was found, in one line.
        remedy: what to do, in one line; empty if there is nothing to do.
        fix: removes what `--fix` may remove, and returns the names of what it removed.
    """

    check: str
    level: Level
    text: str
    remedy: str = ""
    fix: Callable[[], list[str]] | None = None


def fine(check: str, text: str) -> Finding:
    """Return a finding about which there is nothing to do."""
    return Finding(check, "fine", text)


def first_line(text: str, length: int = 300) -> str:
    """Return a text of a program as one line of at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def size_text(size: float) -> str:
    """Return a number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
