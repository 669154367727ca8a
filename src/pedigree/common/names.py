"""Names in their Unicode forms: "é" can be one code point (NFC) or a letter and an accent (NFD)."""

import unicodedata
from collections.abc import Iterable

LONGEST_FILE_NAME = 150  # bytes; file systems allow 255, with what is added to it


def composed(name: str) -> str:
    """Return a name in NFC, so that names that differ only in Unicode form become equal."""
    return unicodedata.normalize("NFC", name)


def same_name(name: str) -> str:
    """Normalise a name, so that two names become equal if some file system treats them as the same."""
    return composed(composed(name).casefold())


def look_alike(name: str, others: Iterable[str]) -> bool:
    """Whether a name looks like a different one of `others`: equal in NFKC, without invisible characters."""
    return any(other != name and _appearance(other) == _appearance(name) for other in others)


def unambiguous(name: str, others: Iterable[str]) -> str:
    """Return a name for a message; its code points are escaped if it looks like a different one of `others`."""
    return ascii(name)[1:-1] if look_alike(name, others) else name


def has_control_characters(name: str) -> bool:
    """Whether a name has characters that are not for names, or that XML forbids."""
    return not name.isprintable() and any(
        unicodedata.category(letter) in ("Cc", "Cs") or letter in "\ufffe\uffff" for letter in name
    )


def file_name(name: str) -> str:
    """Return a name for the name of a file: neither hidden nor an option, at most `LONGEST_FILE_NAME` bytes of UTF-8.

    Spaces, invisible characters and signs of ASCII other than `.`, `_` and `-` become `_`. Letters of all scripts stay.
    """
    kept = "".join(
        letter if letter in "._-" or (letter.isprintable() and not (letter.isascii() and not letter.isalnum())) else "_"
        for letter in composed(name)
    )
    return kept.lstrip(".-").encode()[:LONGEST_FILE_NAME].decode(errors="ignore") or "_"


def _appearance(name: str) -> str:
    visible = (letter for letter in unicodedata.normalize("NFKC", name) if unicodedata.category(letter) != "Cf")
    return "".join(visible)
