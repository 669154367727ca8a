"""Where each member of an archive belongs: from the names alone to `<breed>/<photo>` and `<breed>/<stem>`."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from pedigree.errors import PedigreeError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})

LONGEST_PART = 255  # bytes; what common file systems allow
LONGEST_NAME = 1024

Parts = tuple[str, ...]
Places = dict[tuple[str, str], Parts]
"""From `(breed, file)` in the unpacked folder to the name in the archive, as its parts."""

_WORDNET_PHOTO = re.compile(r"(n\d{8})_")


def shown(name: str) -> str:
    """Quote a name for an error, escaped and cut to one readable line."""
    return repr(name) if len(name) <= 120 else repr(name[:60]) + "…" + repr(name[-40:])


def safe_parts(archive: Path, name: str) -> Parts:
    """Split a member's name at its slashes; `.` and doubled slashes vanish.

    Raises:
        PedigreeError: where the name could lead outside a folder, or is not a name on every file system.
    """
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if reason := _unsafe(name, parts):
        raise PedigreeError(f"{archive}: the name of member {shown(name)} {reason}; pack the archive again without it.")
    return parts


def is_litter(parts: Parts) -> bool:
    """Whether a file is what operating systems and packers leave behind, of no meaning to anyone."""
    hidden = parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini", "pax_global_header") or parts[-1].startswith("._")
    return hidden or any(part == "__MACOSX" or part.startswith("PaxHeader") for part in parts[:-1])


def is_photo(parts: Parts) -> bool:
    """Whether a file's name ends as a photo's does, in upper or lower case."""
    return PurePosixPath(parts[-1]).suffix.lower() in PHOTO_SUFFIXES


def same_name(part: str) -> str:
    """Fold a name so that two which some file system takes for one become equal."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold())


def annotation_root(names: Iterable[Parts]) -> Parts | None:
    """Find the folder that holds the breeds' folders, the one with the most annotations; None without any."""
    roots = Counter(parts[:-2] for parts in names if len(parts) > 1 and _annotation_suffix(parts[-1]) is not None)
    return min(roots, key=lambda root: (-roots[root], root), default=None)


def annotation_breeds(root: Parts, names: Iterable[Parts], folders: Iterable[Parts]) -> set[str]:
    """Name the breeds' folders below `root`, those without a file too."""
    inside = [*(parts[:-1] for parts in names), *folders]
    return {parts[-1] for parts in inside if len(parts) == len(root) + 1 and parts[:-1] == root}


def place_photos(archive: Path, names: Collection[Parts], breeds: Collection[str] | None) -> Places:
    """Find every photo's breed: its folder, or the WordNet id it is named by where `breeds` (the annotations'
    folders; None without annotations) has none of the photos' folders.

    Raises:
        PedigreeError: naming a photo whose breed cannot be told, or two photos that would be one file.
    """
    if not names:
        raise PedigreeError(f"{archive} holds no photos ({', '.join(sorted(PHOTO_SUFFIXES))}); check data.images.")
    if breeds is not None and not any(_folder(parts) in breeds for parts in names):
        return _placed(archive, ((_breed_by_id(archive, parts, breeds), parts[-1], parts) for parts in names))
    _check_folders(archive, names)
    if breeds is None:
        _check_not_flat(archive, names)
    return _placed(archive, ((parts[-2], parts[-1], parts) for parts in names))


def place_annotations(archive: Path, root: Parts, names: Collection[Parts], photos: Places) -> Places:
    """Find every annotation's breed and stem; a file that is no annotation gets no place.

    Raises:
        PedigreeError: naming two annotations that would be one file.
    """
    stems = {(breed, PurePosixPath(file).stem) for breed, file in photos}
    inside = [parts for parts in names if len(parts) == len(root) + 2 and parts[:-2] == root]
    found = ((parts[-2], _stem(parts, stems), parts) for parts in inside)
    return _placed(archive, ((breed, stem, parts) for breed, stem, parts in found if stem is not None))


def check_breeds_agree(images: Path, photos: Places, annotations: Path, annotated: Places) -> None:
    """Raise PedigreeError where the two archives spell a breed's folder in different case."""
    spelt = {same_name(breed): breed for breed, _ in photos}
    for breed in sorted({breed for breed, _ in annotated}):
        if spelt.get(same_name(breed), breed) != breed:
            raise PedigreeError(
                f"{annotations}: folder {shown(breed)} is {shown(spelt[same_name(breed)])} in {images}; "
                "spell the breed alike in both archives."
            )


def _unsafe(name: str, parts: Parts) -> str | None:
    if not name.isprintable() and any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        return "has control characters or is not UTF-8"
    if name.startswith("/"):
        return "is an absolute path"
    if "\\" in name or re.match(r"[A-Za-z]:", name):
        return "has a backslash or a drive letter"
    if ".." in parts:
        return "leads outside with '..'"
    if any(len(part.encode()) > LONGEST_PART for part in parts) or len(name.encode()) > LONGEST_NAME:
        return f"is too long ({LONGEST_PART} bytes a part, {LONGEST_NAME} in all)"
    return None


def _folder(parts: Parts) -> str | None:
    return parts[-2] if len(parts) > 1 else None


def _check_folders(archive: Path, names: Collection[Parts]) -> None:
    """Every photo must lie in a breed's folder, and all breeds' folders in one place."""
    first = min(names)
    for parts in sorted(names):
        if len(parts) == 1:
            raise PedigreeError(
                f"{archive}: photo {shown(parts[0])} lies in no folder, so its breed is unknown; "
                "put every photo into its breed's folder."
            )
        if parts[:-2] != first[:-2]:
            raise PedigreeError(
                f"{archive}: breeds' folders lie in different places, {shown('/'.join(first))} and "
                f"{shown('/'.join(parts))}; put them all side by side."
            )


def _check_not_flat(archive: Path, names: Collection[Parts]) -> None:
    """Photos of several WordNet ids in the only folder are Kaggle's: that folder is no breed."""
    ids = {found[1] for parts in names if (found := _WORDNET_PHOTO.match(parts[-1]))}
    if len({parts[-2] for parts in names}) == 1 and len(ids) > 1:
        raise PedigreeError(
            f"{archive}: photos of {len(ids)} breeds lie together in {shown(min(names)[-2])}; "
            "the annotations tell them apart: set data.annotations."
        )


def _breed_by_id(archive: Path, parts: Parts, breeds: Collection[str]) -> str:
    wordnet_id = parts[-1].partition("_")[0]
    found = sorted(breed for breed in breeds if breed.partition("-")[0] == wordnet_id)
    if len(found) == 1:
        return found[0]
    received = f"several: {', '.join(found)}" if found else "none"
    raise PedigreeError(
        f"{archive}: no folder of photos is named as one of the annotations, so the WordNet id before '_' must tell "
        f"the breed; {shown('/'.join(parts))} wants one annotation folder named {shown(wordnet_id + '-…')}, there is "
        f"{received}. Check that data.images and data.annotations belong together."
    )


def _annotation_suffix(file: str) -> str | None:
    """The suffix, '' or '.xml' as spelt, of a file that is named like an annotation; None for another."""
    suffix = PurePosixPath(file).suffix
    return suffix if suffix.lower() in ("", ".xml") else None


def _stem(parts: Parts, photos: Collection[tuple[str, str]]) -> str | None:
    """An annotation's stem; a dot inside is part of it where a photo has the very same."""
    file, suffix = parts[-1], _annotation_suffix(parts[-1])
    if (parts[-2], file) in photos:
        return file
    stem = None if suffix is None else file[: len(file) - len(suffix)]
    return None if stem in (".", "..") else stem


def _placed(archive: Path, found: Iterable[tuple[str, str, Parts]]) -> Places:
    """Collect places, refusing two that a file system or the annotations could not tell apart."""
    places: Places = {}
    folders: dict[str, str] = {}
    stems: dict[tuple[str, str], Parts] = {}
    for breed, file, parts in found:
        if folders.setdefault(same_name(breed), breed) != breed:
            raise _collision(archive, folders[same_name(breed)], breed)
        stem = PurePosixPath(file).stem if is_photo(parts) else file
        other = stems.setdefault((breed, same_name(stem)), parts)
        if other != parts:
            raise _collision(archive, "/".join(other), "/".join(parts))
        places[breed, file] = parts
    return places


def _collision(archive: Path, one: str, other: str) -> PedigreeError:
    return PedigreeError(
        f"{archive}: {shown(one)} and {shown(other)} differ only in case or suffix, so one would hide the other; "
        "rename or remove one."
    )
