"""Near-duplicates among the photos of the census, and the groups that they form."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas

from pedigree.photos.appearance import decoded, small_luma
from pedigree.photos.near_duplicates import GRID, Indices, groups, near_duplicates
from pedigree.photos.opening import opened
from pedigree.photos.phash import blocks
from pedigree.photos.views import NO_HASH, view_images

_READ = ["photo", "width", "height", "orientation", "boxes", "phashes"]  # columns

Pixels = npt.NDArray[np.uint8]


def near_duplicate_photos(photos: pandas.DataFrame, raw: Path) -> list[tuple[str, str]]:
    """Find near-duplicates among photos, as a whole or in a box. Return pairs of names that link each group.

    Args:
        photos: usable rows of the census.
        raw: the folder that holds `Images`; only candidates are opened.
    """
    rows = [dict(zip(_READ, values, strict=True)) for values in photos[_READ].itertuples(index=False)]
    hashes = [row["phashes"].split() for row in rows]
    owners = [index for index, texts in enumerate(hashes) for _ in texts]
    places = [place for texts in hashes for place, _ in enumerate(texts)]

    def pixels(needed: Indices) -> Pixels:
        wanted: dict[int, list[int]] = {}
        for view in needed.tolist():
            wanted.setdefault(owners[view], []).append(places[view])
        return np.concatenate([_pixels(raw, rows[owner], some) for owner, some in wanted.items()])

    with warnings.catch_warnings(action="ignore"):  # the census has already recorded what matters
        links = near_duplicates(["" if text == NO_HASH else text for text in chain(*hashes)], pixels, owners)
    return [(rows[owners[one]]["photo"], rows[owners[other]]["photo"]) for one, other in links]


def with_groups(photos: pandas.DataFrame, raw: Path, also: Iterable[tuple[str, str]] = ()) -> pandas.DataFrame:
    """Return the census with the column `group` filled in.

    Args:
        photos: one row per photo, from `census.take_census`.
        raw: the folder that holds `Images`.
        also: more pairs of photos that belong together, by name.
    """
    usable = photos[photos["usable"]]
    same = usable.groupby("sha256")["photo"].transform("first")
    pairs = chain(near_duplicate_photos(usable, raw), zip(same, usable["photo"], strict=True), also)
    groups = pandas.Series(group_names(list(usable["photo"]), pairs), index=usable.index, dtype=str)
    return photos.assign(group=groups.reindex(photos.index, fill_value=""))


def group_names(names: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return for each photo the first name of its group of near-duplicates; empty for a photo without any.

    Args:
        names: of the photos, sorted.
        pairs: of names. A group holds all photos that are linked by pairs.
    """
    place = {name: index for index, name in enumerate(names)}
    roots = groups(len(names), [(place[one], place[other]) for one, other in pairs])
    sizes = np.bincount(roots, minlength=len(names))
    return [names[root] if sizes[root] > 1 else "" for root in roots]


def _pixels(raw: Path, row: Mapping[str, Any], places: list[int]) -> Pixels:
    """Return the luma of views of a photo, `(views, GRID, GRID)`."""
    with opened(raw / "Images" / row["photo"], "has changed since the census") as photo:
        every = view_images(small_luma(decoded(photo)), row)
    return np.stack([blocks(view, GRID) for place in places if (view := every[place])])
