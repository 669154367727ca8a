"""The photos that are not used, each with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_PHOTOS = 30


@dataclass(frozen=True)
class SetAside:
    """The first photos (name, reason), and the number of others."""

    photos: list[tuple[str, str]]
    more: int


def lay_out(reasons: Mapping[str, str]) -> SetAside:
    """Choose the first `MOST_PHOTOS` of the photos in `reasons`."""
    return SetAside(list(reasons.items())[:MOST_PHOTOS], max(0, len(reasons) - MOST_PHOTOS))
