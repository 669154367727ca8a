"""Which photos are kept from training: a share of each breed's, a function of the seed and the photos alone."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SplitPhoto:
    """What the split knows of a photo; photos with the same `content` are the same photo twice."""

    photo: str
    breed: str
    content: str


def held_out(entries: Sequence[SplitPhoto], share: float, seed: int) -> frozenset[str]:
    """Choose the held-out photos, all copies of a photo or none.

    Of a breed's n photos, `share` times n are held out, rounded, but at least one and at most n - 1; fewer where copies
    do not fit that number.

    Returns:
        Names of photos; neither the order of `entries` nor anything but their names, copies and breeds matters.
    """
    copies = defaultdict(list)
    for entry in entries:
        copies[entry.content].append(entry)
    room = {breed: _wanted(share, n) for breed, n in Counter(entry.breed for entry in entries).items()}
    chosen: set[str] = set()
    for group in sorted(copies.values(), key=lambda group: _rank(group, seed)):
        needed = Counter(entry.breed for entry in group)
        if all(room[breed] >= n for breed, n in needed.items()):
            chosen.update(entry.photo for entry in group)
            for breed, n in needed.items():
                room[breed] -= n
    return frozenset(chosen)


def _wanted(share: float, photos: int) -> int:
    return min(max(1, math.floor(share * photos + 0.5)), photos - 1)


def _rank(group: Sequence[SplitPhoto], seed: int) -> bytes:
    """Place a photo by its first name, so that adding or removing other photos moves it little."""
    return hashlib.sha256(f"{seed}/{min(entry.photo for entry in group)}".encode()).digest()
