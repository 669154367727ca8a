"""Ladders of damage, from mild to strong: each rung is what a generator with one fault would draw.

Pictures are `(n, size, size, 3)` uint8 RGB. Every damage is a function of its arguments alone, randomness by seed.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pedigree.score.damage import blurred, compressed, noisy

Images = NDArray[np.uint8]
Labels = NDArray[np.int32]


def chance(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def shuffled(images: Images, side: int, seed: int = 0) -> Images:
    """Cut each picture into `side` × `side` tiles and put them back in an order of its own."""
    count, size = len(images), images.shape[1]
    tile = size // side
    tiles = images.reshape(count, side, tile, side, tile, 3).swapaxes(2, 3).reshape(count, side**2, tile, tile, 3)
    orders = chance(seed).permuted(np.tile(np.arange(side**2), (count, 1)), axis=1)
    moved = tiles[np.arange(count)[:, None], orders]
    return moved.reshape(count, side, side, tile, tile, 3).swapaxes(2, 3).reshape(images.shape)


ON_PIXELS: dict[str, dict[str, Callable[[Images], Images]]] = {
    "blur": {f"r {radius:g}": partial(blurred, radius=radius) for radius in (0.5, 1, 2)},
    "noise": {f"sigma {sigma}": partial(noisy, deviation=sigma) for sigma in (10, 25, 50)},
    "JPEG": {f"quality {quality}": partial(compressed, quality=quality) for quality in (50, 20, 5)},
    "patches shuffled": {f"{side}×{side}": partial(shuffled, side=side) for side in (2, 4, 8)},
}


def distinct(labels: Labels, per_breed: float, seed: int) -> NDArray[np.intp]:
    """Choose a share of each breed's pictures (0: one alone) and repeat them to the breed's count.

    Returns:
        `(n,)`: which picture stands at each place, of the same breed as the one that stood there.
    """
    random, chosen = chance(seed), np.empty(len(labels), np.intp)
    for breed in np.unique(labels):
        places = np.flatnonzero(labels == breed)
        kept = random.permutation(places)[: max(1, round(per_breed * len(places)))]
        chosen[places] = np.resize(kept, len(places))
    return chosen


def relabelled(labels: Labels, share: float, seed: int) -> Labels:
    """Deal the labels of a random `share` of the pictures anew among them: as many of each breed, asked of others."""
    random, dealt = chance(seed), labels.copy()
    places = random.permutation(len(labels))[: round(share * len(labels))]
    dealt[places] = random.permutation(labels[places])
    return dealt
