"""Names in their Unicode forms: "é" can be one code point (NFC) or a letter and an accent (NFD)."""

import unicodedata
from collections.abc import Iterable


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


def _appearance(name: str) -> str:
    visible = (letter for letter in unicodedata.normalize("NFKC", name) if unicodedata.category(letter) != "Cf")
    return "".join(visible)
