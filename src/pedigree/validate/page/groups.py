"""The groups of near-duplicates, those with photos of several breeds first."""

from dataclasses import dataclass

import pandas

from pedigree.validate.page.names import ShownPhoto

MOST_GROUPS, MOST_PICTURES = 24, 4


@dataclass(frozen=True)
class PhotoGroup:
    """Photos that look alike: the first ones, and the number of others."""

    photos: list[ShownPhoto]
    more: int
    breeds: int


@dataclass(frozen=True)
class PhotoGroups:
    """The groups shown, and how many there are.

    Attributes:
        groups: those shown.
        count: the number of all groups.
        across: the number of groups with photos of several breeds.
        photos: the number of photos in all groups.
    """

    groups: list[PhotoGroup]
    count: int
    across: int
    photos: int

    @property
    def shown(self) -> list[str]:
        """The names of the photos whose pictures are shown."""
        return [photo.name for group in self.groups for photo in group.photos]


def lay_out(photos: pandas.DataFrame) -> PhotoGroups:
    """Choose at most `MOST_GROUPS` groups: several breeds before one, large before small, then by name."""
    grouped = photos.loc[photos["group"] != "", ["photo", "breed", "group"]]
    table = grouped.groupby("group").agg(size=("photo", "size"), breeds=("breed", "nunique"))
    table = table.assign(across=table["breeds"] > 1).reset_index()
    table = table.sort_values(["across", "size", "group"], ascending=[False, False, True])
    chosen = [
        _group(grouped[grouped["group"] == name], int(breeds))
        for name, breeds in table[["group", "breeds"]].head(MOST_GROUPS).itertuples(index=False)
    ]
    return PhotoGroups(chosen, len(table), int(table["across"].sum()), len(grouped))


def _group(members: pandas.DataFrame, breeds: int) -> PhotoGroup:
    """Return the group, with one photo of each breed before the second of any."""
    turn = members.groupby("breed").cumcount()
    shown = members.loc[turn.sort_values(kind="stable").index, "photo"].head(MOST_PICTURES)
    return PhotoGroup([ShownPhoto(name) for name in shown], len(members) - len(shown), breeds)
