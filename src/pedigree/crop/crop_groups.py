"""Near-duplicates among the crops themselves.

The census has groups of photos that look alike. Two crops can look alike although their photos, or the boxes, do not
look alike enough: the crops have other edges. So the split keeps these together too.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.common.progress import progress
from pedigree.crop.store import CropStore
from pedigree.photos.near_duplicates import GRID, Indices, groups, near_duplicates
from pedigree.photos.phash import blocks, phash
from pedigree.photos.plans import Plan

Pixels = npt.NDArray[np.uint8]


def group_crops(plans: Sequence[Plan], crops: CropStore) -> Indices:
    """Return the group of each plan, `(plans,)`: the index of the first plan of its group.

    All crops of a plan, all photos of a group of the census, and all crops that look alike are in one group.

    Args:
        plans: what was cut, in order.
        crops: the crops of all plans, in order.
    """
    owners = [owner for owner, plan in enumerate(plans) for _ in plan.windows]

    def pixels(needed: Indices) -> Pixels:
        return np.stack([_luma(crops[index], GRID) for index in needed.tolist()])

    counted = progress(range(len(owners)), label="compare", unit="crop")
    links = near_duplicates([phash(_luma(crops[index])) for index in counted], pixels, owners)
    return groups(len(plans), chain(((owners[one], owners[other]) for one, other in links), _of_census(plans)))


def _luma(crop: Pixels, *grid: int) -> Pixels:
    return blocks(Image.fromarray(crop).convert("L"), *grid)


def _of_census(plans: Sequence[Plan]) -> Iterator[tuple[int, int]]:
    first: dict[str, int] = {}
    for index, plan in enumerate(plans):
        yield first.setdefault(plan.group, index), index
