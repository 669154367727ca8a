"""Chooses the held-out photos: a share of each breed, as a function of the seed and the photos alone."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class HoldoutCandidate:
    """A photo that may be held out. Photos with the same `content` are copies of one photo."""

    photo: str
    breed: str
    content: str


def held_out(candidates: Sequence[HoldoutCandidate], share: float, seed: int) -> frozenset[str]:
    """Choose the held-out photos. Either all copies of a photo are held out, or none.

    Of the n photos of a breed, `share` times n are held out, rounded, but at least one and at most n - 1. Copies can
    make it fewer, because a group of copies is held out only if all of them fit.

    Returns:
        The names of the held-out photos. They depend on the names, copies and breeds of the candidates, not on their
        order.
    """
    copies = defaultdict(list)
    for candidate in candidates:
        copies[candidate.content].append(candidate)
    room = {breed: _target(share, n) for breed, n in Counter(candidate.breed for candidate in candidates).items()}
    chosen: set[str] = set()
    for group in sorted(copies.values(), key=lambda group: _rank(group, seed)):
        needed = Counter(candidate.breed for candidate in group)
        if all(room[breed] >= n for breed, n in needed.items()):
            chosen.update(candidate.photo for candidate in group)
            for breed, n in needed.items():
                room[breed] -= n
    return frozenset(chosen)


def _target(share: float, photos: int) -> int:
    """Return how many of a breed's photos to hold out."""
    return min(max(1, math.floor(share * photos + 0.5)), photos - 1)


def _rank(group: Sequence[HoldoutCandidate], seed: int) -> bytes:
    """Return the sort key of a group of copies. It depends on the group alone, so other photos do not change it."""
    return hashlib.sha256(f"{seed}/{min(candidate.photo for candidate in group)}".encode()).digest()
