"""Archives that are split already: photos, or breeds' folders, in the folders `train`, `test`, `val` and so on."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pedigree.common.names import same_name
from pedigree.errors import PedigreeError
from pedigree.unpack.layouts import Parts, Places, shown

TRAIN = "train"
FOLDERS = (TRAIN, "val", "valid", "validation", "test")  # in any case; all but the first are held out

_IN_SPLIT = {"breed": -3, "photo": -2}  # where the split's folder is, if it holds breeds' folders or photos


@dataclass(frozen=True)
class Merged:
    """The names of photos, without the folders of splits.

    Attributes:
        names: the name in the archive, by the name without the split's folder. If two splits hold photos of the same
            name, the later one's file begins with the name of its split, such as `test-1.jpg`.
        splits: the split of each name in the archive; empty if the archive is not split.
        prefixes: what the name of a file begins with for this reason, by split, breed and stem in the archive.
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

    An annotation gets the same beginning as its photo.

    Raises:
        PedigreeError: if an annotation outside the splits' folders has the name of a photo in several splits.
    """
    merged: dict[Parts, Parts] = {}
    twins = {tuple(key[1:]) for key in photos.prefixes}
    for parts in sorted(names, key=lambda parts: _order(parts, _IN_SPLIT["breed"])):
        split = _split(parts[-3]) if len(parts) > 2 else None
        if split is None:
            if not twins.isdisjoint(_photo_keys(parts)):
                raise PedigreeError(
                    f"{archive}: annotation {shown('/'.join(parts))} fits photos of several splits; put the "
                    "annotations into folders of the same splits."
                )
            merged[parts] = parts
            continue
        prefixes = (photos.prefixes.get((split, *key)) for key in _photo_keys(parts))
        name = _renamed((*parts[:-3], *parts[-2:]), next(filter(None, prefixes), ""))
        while name in merged:
            name = _renamed(name, f"{split}-")
        merged[name] = parts
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
    sides = {place: "train" if splits[parts] == TRAIN else "holdout" for place, parts in places.items()}
    trained, held = ({breed for (breed, _), side in sides.items() if side == name} for name in ("train", "holdout"))
    if incomplete := sorted(trained ^ held):
        side = "held out" if incomplete[0] in trained else "to train on"
        raise PedigreeError(
            f"{archive}: no photos of breed {shown(incomplete[0])} are {side}, so its split cannot be kept; {advice}."
        )
    return sides


def _split(folder: str) -> str | None:
    """Return the name of a split if the folder has it, in any case; else None."""
    return folder.casefold() if folder.casefold() in FOLDERS else None


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
        merged.splits[parts] = split
        if prefix:
            merged.prefixes[(split, *inside[:-1], PurePosixPath(parts[-1]).stem)] = prefix
    return merged


def _key(inside: Parts) -> Parts:
    """Return what the places of two photos have in common if they would share their annotation."""
    return tuple(map(same_name, (*inside[:-1], PurePosixPath(inside[-1]).stem)))


def _renamed(parts: Parts, prefix: str) -> Parts:
    return (*parts[:-1], prefix + parts[-1])


def _photo_keys(annotation: Parts) -> list[Parts]:
    """Return the breed and stem of the photos that an annotation may belong to: its name with and without suffix."""
    folder = annotation[-2:-1]
    return [(*folder, annotation[-1]), (*folder, PurePosixPath(annotation[-1]).stem)]
