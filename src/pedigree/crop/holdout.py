"""Chooses the held-out photos: a share of each breed, as a function of the seed and the photos alone."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class HoldoutCandidate:
    """A photo that may be held out. Photos of the same `group` are near-duplicates."""

    photo: str
    breed: str
    group: str


def held_out(candidates: Sequence[HoldoutCandidate], share: float, seed: int) -> frozenset[str]:
    """Choose the held-out photos. Either all photos of a group are held out, or none.

    Of the n photos of a breed, `share` times n are held out, rounded, but at least one and at most n - 1. Groups can
    make it fewer, because a group is held out only if all of its photos fit.

    Returns:
        The names of the held-out photos. They depend on the names, groups and breeds of the candidates, not on their
        order.
    """
    groups = defaultdict(list)
    for candidate in candidates:
        groups[candidate.group].append(candidate)
    room = {breed: _target(share, n) for breed, n in Counter(candidate.breed for candidate in candidates).items()}
    chosen: set[str] = set()
    for group in sorted(groups.values(), key=lambda group: _rank(group, seed)):
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
    """Return the sort key of a group. It depends on the group alone, so other photos do not change it."""
    return hashlib.sha256(f"{seed}/{min(candidate.photo for candidate in group)}".encode()).digest()
