"""Names of breeds: the folder `n02085620-Chihuahua` has the display name `Chihuahua`.

A person may write a name in any case and any Unicode form, and join its words with spaces, hyphens or underscores.
"""

import difflib
import re
from collections.abc import Sequence

from pedigree.common.names import look_alike, same_name, unambiguous
from pedigree.errors import UsageError

_PREFIX = re.compile(r"(n[0-9]{8})-(?=.)")


def display_name(folder: str) -> str:
    """Return the name of the folder without its WordNet id. Without an id, it is the name of the folder."""
    prefix = _PREFIX.match(folder)
    return folder[prefix.end() :] if prefix else folder


def wordnet_id(folder: str) -> str:
    """Return the WordNet id at the start of a folder's name, such as `n02085620`; empty if there is none."""
    prefix = _PREFIX.match(folder)
    return prefix[1] if prefix else ""


def same_breed(one: str, other: str) -> bool:
    """Whether two names are equal except for case, Unicode form and the joints of words (space, hyphen, underscore)."""
    return _plain(one) == _plain(other)


def find_breed(query: str, folders: Sequence[str], *, listing: str = "`pedigree breeds` lists") -> str:
    """Return the one of `folders` that `query` names, by folder name or display name.

    Args:
        query: what a person wrote.
        folders: the breeds' folders.
        listing: where a person finds all names, for the message.

    Raises:
        UsageError: if no folder or more than one has this name. The message lists the nearest or the matching names.
    """
    if query in folders:
        return query
    matches = [folder for folder in folders if same_breed(query, folder) or same_breed(query, display_name(folder))]
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = ", ".join(unambiguous(folder, matches) for folder in sorted(matches))
        raise UsageError(f"{query!r} names several breeds; use one of: {listed}.")
    shown = ascii(query) if look_alike(query, map(display_name, folders)) else repr(query)
    raise UsageError(f"There is no breed {shown}; {_suggestion(query, folders, listing)}.")


def _suggestion(query: str, folders: Sequence[str], listing: str) -> str:
    names = {_plain(display_name(folder)): display_name(folder) for folder in sorted(folders)}
    nearest = difflib.get_close_matches(_plain(query), names, n=3, cutoff=0.5)
    every = f"{listing} all {len(folders)}"
    if nearest:
        return f"nearest: {', '.join(unambiguous(names[name], [query]) for name in nearest)}; {every}"
    return every


def _plain(name: str) -> str:
    return same_name(re.sub(r"[\s_-]+", " ", name).strip())
