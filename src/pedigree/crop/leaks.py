"""Leaks of the split: held-out crops that are near-duplicates of training crops.

The split keeps the groups of the census together. This check does not use them: it compares the crops themselves.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pedigree.common.packed_crops import Crops
from pedigree.photos.near_duplicates import GRID, Floats, Indices, near_duplicates
from pedigree.photos.phash import GRID as HASHED_GRID
from pedigree.photos.phash import blocks, phash

# Higher than for the groups of the census: a pair that is barely missed there must not fail here.
LEAST_CORRELATION = 0.97


@dataclass(frozen=True, eq=False)
class Leaks:
    """Pairs of a held-out and a training crop that are near-duplicates, `(n,)` each, sorted.

    Attributes:
        holdout: indices of held-out crops.
        train: indices of training crops.
        share: the share of held-out crops that have such a twin.
    """

    holdout: Indices
    train: Indices
    share: float


def find_leaks(crops: Crops) -> Leaks:
    """Compare all held-out crops with all training crops."""
    held = len(crops.holdout_labels)

    def luma(index: int, grid: int) -> Floats:
        image = crops.holdout_images[index] if index < held else crops.train_images[index - held]
        return blocks(Image.fromarray(image).convert("L"), grid)

    def pixels(needed: Indices) -> Floats:
        return np.stack([luma(index, GRID) for index in needed])

    hashes = [phash(luma(index, HASHED_GRID)) for index in range(held + len(crops.train_labels))]
    pairs = near_duplicates(hashes, pixels, LEAST_CORRELATION)
    across = (pairs.first < held) & (pairs.second >= held)
    holdout, train = pairs.first[across], pairs.second[across] - held
    return Leaks(holdout, train, len(np.unique(holdout)) / held)
