"""Breeds by name: a folder such as `n02085620-Chihuahua`, shown as `Chihuahua`, found however a person writes it."""

import difflib
import re
from collections.abc import Sequence

from pedigree.errors import UsageError

_PREFIX = re.compile(r"(n[0-9]{8})-(?=.)")


def display_name(folder: str) -> str:
    """Return the folder's name without its WordNet id; a folder without an id is its own display name."""
    prefix = _PREFIX.match(folder)
    return folder[prefix.end() :] if prefix else folder


def wordnet_id(folder: str) -> str:
    """Return the id a folder's name starts with, such as `n02085620`, or nothing."""
    prefix = _PREFIX.match(folder)
    return prefix[1] if prefix else ""


def same_breed(one: str, other: str) -> bool:
    """Tell whether two names differ by no more than case and how their words are joined (space, hyphen, underscore)."""
    return _plain(one) == _plain(other)


def find_breed(query: str, folders: Sequence[str]) -> str:
    """Return the one of `folders` that `query` means: the folder's or the display name, in any case.

    Raises:
        UsageError: with the nearest names where no folder is meant, with all of them where several are.
    """
    if query in folders:
        return query
    found = [folder for folder in folders if same_breed(query, folder) or same_breed(query, display_name(folder))]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"The breed {query!r} means several; give one of: {', '.join(sorted(found))}.")
    raise UsageError(f"There is no breed {query!r}; {_suggestion(query, folders)}.")


def _suggestion(query: str, folders: Sequence[str]) -> str:
    names = {_plain(display_name(folder)): display_name(folder) for folder in sorted(folders)}
    nearest = difflib.get_close_matches(_plain(query), names, n=3, cutoff=0.5)
    if nearest:
        return "nearest: " + ", ".join(names[name] for name in nearest)
    return f"`pedigree breeds` lists all {len(folders)}"


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
