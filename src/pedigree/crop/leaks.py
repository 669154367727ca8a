"""Leaks of the split: held-out crops that are near-duplicates of training crops.

The split keeps the groups of the census together. This check does not use them: it compares the crops themselves.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.common.packed_crops import Crops
from pedigree.photos.near_duplicates import GRID, Indices, groups, near_duplicates
from pedigree.photos.phash import GRID as HASHED_GRID
from pedigree.photos.phash import blocks, phash

# Higher than for the groups of the census: a pair that is barely missed there must not fail here.
LEAST_CORRELATION = 0.97


Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Leaks:
    """Held-out crops that are in a group of near-duplicates with training crops.

    Attributes:
        holdout: indices of these held-out crops, `(n,)`, ascending.
        train: index of one training crop of each one's group, `(n,)`.
        share: the share of the held-out crops.
    """

    holdout: Indices
    train: Indices
    share: float


def find_leaks(crops: Crops) -> Leaks:
    """Compare all crops with each other."""
    held = len(crops.holdout_labels)
    total = held + len(crops.train_labels)

    def luma(index: int, grid: int) -> Pixels:
        image = crops.holdout_images[index] if index < held else crops.train_images[index - held]
        return blocks(Image.fromarray(image).convert("L"), grid)

    def pixels(needed: Indices) -> Pixels:
        return np.stack([luma(index, GRID) for index in needed])

    hashes = [phash(luma(index, HASHED_GRID)) for index in range(total)]
    group = groups(total, near_duplicates(hashes, pixels, LEAST_CORRELATION))
    trained, places = np.unique(group[held:], return_index=True)
    twin = dict(zip(trained.tolist(), places.tolist(), strict=True))
    holdout = np.array([index for index in range(held) if int(group[index]) in twin], np.intp)
    return Leaks(holdout, np.array([twin[int(group[index])] for index in holdout], np.intp), len(holdout) / held)
