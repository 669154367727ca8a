"""Near-duplicates among the crops themselves.

The census has groups of photos that look alike. Two crops can look alike although their photos, or the boxes, do not
look alike enough: the crops have other edges. So the split keeps these together too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.common.progress import progress
from pedigree.crop.store import Crops
from pedigree.photos.near_duplicates import GRID, Indices, groups, near_duplicates
from pedigree.photos.phash import blocks, phash
from pedigree.photos.plans import Plan

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of near-duplicates.

    Attributes:
        crops: the group of each crop, `(crops,)`: the index of its first crop.
        plans: the group of each plan, `(plans,)`: the index of its first plan. All crops of a plan, all photos of a
            group of the census, and all crops that look alike are in one group.
    """

    crops: Indices
    plans: Indices


def group_crops(plans: Sequence[Plan], crops: Crops) -> Groups:
    """Compare all crops with each other, and add the groups of the census.

    Args:
        plans: what was cut, in order.
        crops: the crops of all plans, in order.
    """
    owners = [owner for owner, plan in enumerate(plans) for _ in plan.windows]

    def pixels(needed: Indices) -> Pixels:
        return np.stack([_luma(crops[index], GRID) for index in needed.tolist()])

    counted = progress(range(len(owners)), label="compare", unit="crop")
    links = near_duplicates([phash(_luma(crops[index])) for index in counted], pixels)
    linked = ((owners[one], owners[other]) for one, other in links)
    return Groups(groups(len(owners), links), groups(len(plans), chain(linked, _of_census(plans))))


def _luma(crop: Pixels, *grid: int) -> Pixels:
    return blocks(Image.fromarray(crop).convert("L"), *grid)


def _of_census(plans: Sequence[Plan]) -> Iterator[tuple[int, int]]:
    first: dict[str, int] = {}
    for index, plan in enumerate(plans):
        yield first.setdefault(plan.group, index), index
