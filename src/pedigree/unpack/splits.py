"""Archives that are split already: photos, or breeds' folders, in the folders `train`, `test`, `val` and so on.

The folders may be named in any case and end with a year, such as COCO's `train2017`.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pedigree.common.names import same_name
from pedigree.common.packed_crops import SIDES
from pedigree.errors import PedigreeError
from pedigree.unpack.layouts import Parts, Places, annotation_suffix, shown

TRAIN = "train"
FOLDERS = (TRAIN, "val", "valid", "validation", "test")  # all but the first are held out

_IN_SPLIT = {"breed": -3, "photo": -2}  # where the split's folder is, if it holds breeds' folders or photos


@dataclass(frozen=True)
class Merged:
    """The names of photos, without the folders of splits.

    Attributes:
        names: the name in the archive, by the name without the split's folder. If two splits hold photos of the same
            name, the later one's file begins with the name of its split, such as `test-1.jpg`.
        splits: the one of `FOLDERS` that each name in the archive lies in; empty if the archive is not split.
        prefixes: what was put before the name of a file for this reason, often nothing. The keys are the photo's split,
            breed and stem in the archive; the split as its folder in lower case, and as one of `FOLDERS`.
    """

    names: dict[Parts, Parts]
    splits: dict[Parts, str] = field(default_factory=dict)
    prefixes: dict[Parts, str] = field(default_factory=dict)


def merge(names: Collection[Parts], *, flat: bool = True) -> Merged:
    """Leave out the split's folder of every photo, if every photo lies in one and these lie side by side.

    Args:
        names: the names of the photos in the archive.
        flat: whether photos may lie in the split's folder directly. Else only breeds' folders may.
    """
    for level in (_IN_SPLIT["breed"], *([_IN_SPLIT["photo"]] if flat else [])):
        if _are_split(names, level):
            return _merged(names, level)
    return Merged({parts: parts for parts in names})


def is_flat(names: Iterable[Parts]) -> bool:
    """Whether no folder can be a breed: all photos lie in one folder, or all folders are those of splits."""
    folders = {parts[:-1] for parts in names}
    return len(folders) == 1 or all(folder and _split(folder[-1]) for folder in folders)


def merge_annotations(archive: Path, names: Collection[Parts], photos: Merged) -> dict[Parts, Parts]:
    """Return the name in the archive of each annotation, by its name without the split's folder.

    An annotation gets the same prefix as its photo. One without a photo never gets the name of another one's.

    Raises:
        PedigreeError: naming an annotation that fits several photos, or a second one of the same photo.
    """
    merged: dict[Parts, Parts] = {}
    without_photo: list[Parts] = []
    twins = {key[1:] for key, prefix in photos.prefixes.items() if prefix}
    for parts in names:
        name, prefix = parts, ""
        if len(parts) > 2 and _split(parts[-3]):
            known = _prefix(parts, photos)
            if known is None and photos.splits:
                without_photo.append(parts)
                continue
            if known is not None or annotation_suffix(parts[-1]) is not None:
                name, prefix = (*parts[:-3], *parts[-2:]), known or ""
        elif not twins.isdisjoint(_photo_keys(parts)):
            raise PedigreeError(
                f"{archive}: annotation {shown('/'.join(parts))} fits photos of several splits; put the annotations "
                "into folders of the same splits."
            )
        if (other := merged.setdefault(_renamed(name, prefix), parts)) != parts:
            one, two = shown("/".join(other)), shown("/".join(parts))
            raise PedigreeError(f"{archive}: annotations {one} and {two} are of the same photo; remove one.")
    _add_without_photo(merged, without_photo, photos)
    return merged


def breed_folders(folders: Iterable[Parts]) -> list[Parts]:
    """Leave out the folders of splits: `test/beagle` becomes `beagle`, and `test` is dropped."""
    inside = [(*parts[:-2], parts[-1]) if len(parts) > 1 and _split(parts[-2]) else parts for parts in folders]
    return [parts for parts in inside if parts and not _split(parts[-1])]


def check_not_split_only(archive: Path, names: Iterable[Parts]) -> None:
    """Raise PedigreeError if the only folders of photos are those of splits, which are no breeds."""
    folders = sorted({parts[-2] for parts in names if len(parts) > 1})
    if len(folders) > 1 and all(map(_split, folders)):
        raise PedigreeError(
            f"{archive}: the photos lie directly in {' and '.join(map(shown, folders))}, so their breeds are unknown; "
            "put them into their breeds' folders, or add a labels.csv with the columns id and breed."
        )


def kept(archive: Path, places: Places, splits: Mapping[Parts, str]) -> dict[tuple[str, str], str]:
    """Return for each photo whether it is `train` or `holdout`.

    Raises:
        PedigreeError: if the archive is not split, or if not every breed has photos on both sides.
    """
    advice = "set unpack.split to merge"
    if not splits:
        folders = f"{', '.join(FOLDERS[:-1])} or {FOLDERS[-1]}"
        raise PedigreeError(f"{archive} has no folders {folders}, so it holds no split to keep; {advice}.")
    sides = {place: SIDES[splits[parts] != TRAIN] for place, parts in places.items()}
    trained, held = ({breed for (breed, _), side in sides.items() if side == name} for name in SIDES)
    if incomplete := sorted(trained ^ held):
        side = "held out" if incomplete[0] in trained else "to train on"
        raise PedigreeError(
            f"{archive}: no photos of breed {shown(incomplete[0])} are {side}, so its split cannot be kept; {advice}."
        )
    return sides


def _split(folder: str) -> str | None:
    """Return the one of `FOLDERS` that a folder is; None if it is another one."""
    match = re.fullmatch(r"([a-z]+)([0-9]{4})?", folder.casefold())
    return match[1] if match and match[1] in FOLDERS else None


def _are_split(names: Collection[Parts], level: int) -> bool:
    return all(len(parts) >= -level and _split(parts[level]) for parts in names) and (
        len({parts[:level] for parts in names}) == 1
    )


def _order(parts: Parts, level: int) -> int:
    """Rank the splits; names without a split come first."""
    split = _split(parts[level]) if len(parts) >= -level else None
    return -1 if split is None else FOLDERS.index(split)


def _merged(names: Collection[Parts], level: int) -> Merged:
    merged, owners = Merged({}), dict[Parts, tuple[str, str]]()
    for parts in sorted(names, key=lambda parts: (_order(parts, level), parts)):
        split, inside, prefix = parts[level].casefold(), parts[level + 1 :], ""
        while owners.setdefault(_key(_renamed(inside, prefix)), (split, prefix)) != (split, prefix):
            prefix = f"{split}-{prefix}"
        merged.names[_renamed((*parts[:level], *inside), prefix)] = parts
        merged.splits[parts] = _split(parts[level]) or split
        photo = (*inside[:-1], PurePosixPath(parts[-1]).stem)
        merged.prefixes[(split, *photo)] = prefix
        merged.prefixes.setdefault((merged.splits[parts], *photo), prefix)
    return merged


def _key(inside: Parts) -> Parts:
    """Return what the places of two photos have in common if they would share their annotation."""
    return tuple(map(same_name, (*inside[:-1], PurePosixPath(inside[-1]).stem)))


def _renamed(parts: Parts, prefix: str) -> Parts:
    return (*parts[:-1], prefix + parts[-1])


def _prefix(annotation: Parts, photos: Merged) -> str | None:
    """Return what was put before the name of an annotation's photo in the same split; None if there is no photo."""
    folder = annotation[-3].casefold()
    keys = [(split, *key) for split in (folder, _split(folder) or folder) for key in _photo_keys(annotation)]
    return next((photos.prefixes[key] for key in keys if key in photos.prefixes), None)


def _add_without_photo(merged: dict[Parts, Parts], annotations: Collection[Parts], photos: Merged) -> None:
    """Add annotations without a photo to `merged`, under names that no photo and no other annotation has."""
    taken = {(*key[1:-1], prefix + key[-1]) for key, prefix in photos.prefixes.items()}
    for parts in sorted(annotations, key=lambda parts: (_order(parts, _IN_SPLIT["breed"]), parts)):
        name = (*parts[:-3], *parts[-2:])
        while name in merged or not taken.isdisjoint(_photo_keys(name)):
            name = _renamed(name, f"{parts[-3].casefold()}-")
        merged[name] = parts


def _photo_keys(annotation: Parts) -> list[Parts]:
    """Return the breed and stem of the photos that an annotation may belong to: its name with and without suffix."""
    folder = annotation[-2:-1]
    return [(*folder, annotation[-1]), (*folder, PurePosixPath(annotation[-1]).stem)]
