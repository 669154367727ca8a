"""Where each member of an archive belongs, decided from the names alone: `<breed>/<photo>` and `<breed>/<stem>`."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

from pedigree.common.names import composed, has_control_characters, same_name
from pedigree.errors import PedigreeError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})

LONGEST_PART = 255  # bytes; the limit of common file systems
LONGEST_NAME = 1024

Parts = tuple[str, ...]
Places = dict[tuple[str, str], Parts]
"""Maps `(breed, file)` in the unpacked folder to the parts of the name in the archive."""

_PAPERS = frozenset({"authors", "citation", "copying", "licence", "license", "notice", "readme"})
_LITTER = frozenset({"thumbs.db", "desktop.ini", "pax_global_header"})
_LITTER_FOLDERS = frozenset({"__MACOSX", ".AppleDouble", ".Trashes", ".ipynb_checkpoints", "@eaDir"})
_WORDNET_PHOTO = re.compile(r"(n\d{8})_")


def shown(name: str, quote: Callable[[str], str] = repr) -> str:
    """Quote a name for a message: escaped, and shortened to fit on one line. `ascii` as `quote` shows code points."""
    return quote(name) if len(name) <= 120 else quote(name[:60]) + "…" + quote(name[-40:])


def safe_parts(archive: Path, name: str) -> Parts:
    """Split the name of a member at its slashes, without `.` and empty parts, in NFC.

    Raises:
        PedigreeError: if the name could lead outside the folder, or is not valid on every file system.
    """
    parts = tuple(part for part in composed(name).split("/") if part not in ("", "."))
    if reason := _unsafe(name, parts):
        raise PedigreeError(f"{archive}: the name of member {shown(name)} {reason}; pack the archive again without it.")
    return parts


def breed_folder(source: str, breed: str) -> str:
    """Return a breed that a table names, in NFC and without spaces around it, if a folder can have this name.

    Raises:
        PedigreeError: beginning with `source`, if the name is empty or not safe.
    """
    name = composed(breed).strip()
    parts = tuple(name.split("/"))
    reason = _unsafe(name, parts)
    if not reason and (len(parts) > 1 or name in ("", ".")):
        reason = "has a slash" if name.strip(".") else "is no name of a folder"
    if reason:
        raise PedigreeError(f"{source}: the breed {shown(breed)} {reason}; correct it.")
    return name


def is_litter(parts: Parts) -> bool:
    """Whether a file is one that operating systems and packers add by themselves: `.DS_Store` and other hidden ones."""
    name, folders = parts[-1], parts[:-1]
    if name.startswith(".") or name.casefold() in _LITTER:
        return True
    return any(part in _LITTER_FOLDERS or part.startswith("PaxHeader") for part in folders)


def is_photo(parts: Parts) -> bool:
    """Whether the name of a file ends with a suffix of photos, in upper or lower case."""
    return PurePosixPath(parts[-1]).suffix.lower() in PHOTO_SUFFIXES


def annotation_suffix(file: str) -> str | None:
    """Return the suffix of an annotation, '' or '.xml' in any case; None if the file is not named like one."""
    suffix = PurePosixPath(file).suffix
    if file.casefold() in _PAPERS:
        return None
    return suffix if suffix.lower() in ("", ".xml") else None


def annotation_root(names: Iterable[Parts]) -> Parts | None:
    """Return the folder that holds the breeds' folders: the one with the most annotations; None if there are none."""
    roots = Counter(parts[:-2] for parts in names if len(parts) > 1 and annotation_suffix(parts[-1]) is not None)
    return min(roots, key=lambda root: (-roots[root], root), default=None)


def annotation_breeds(root: Parts, names: Iterable[Parts], folders: Iterable[Parts]) -> set[str]:
    """Return the names of the breeds' folders in `root`, including folders without files."""
    inside = [*(parts[:-1] for parts in names), *folders]
    return {parts[-1] for parts in inside if len(parts) == len(root) + 1 and parts[:-1] == root}


def place_photos(
    archive: Path, names: Mapping[Parts, Parts], breeds: Collection[str] | None, *, annotated: bool = True
) -> Places:
    """Decide where every photo belongs.

    The breed of a photo is its folder. If no photo lies in a folder of `breeds`, the breed is the one whose WordNet id
    the name of the photo starts with.

    Args:
        archive: for messages.
        names: the names of the photos in the archive, by their names without the folders of splits.
        breeds: the breeds' folders in the annotations; None if there are none.
        annotated: whether there are annotations. They belong to stems, so two photos cannot have the same stem.

    Raises:
        PedigreeError: naming a photo without a known breed, or two photos that would become the same file.
    """
    if breeds is not None and not any(_folder(parts) in breeds for parts in names):
        by_id = ((_breed_by_id(archive, parts, breeds), parts[-1], member) for parts, member in names.items())
        return placed(archive, by_id)
    _check_folders(archive, names)
    if breeds is None:
        _check_not_flat(archive, names)
    files = ((parts[-2], parts[-1], member) for parts, member in names.items())
    return placed(archive, files, by_stem=annotated)


def place_annotations(archive: Path, root: Parts, names: Mapping[Parts, Parts], photos: Places) -> Places:
    """Decide where every annotation belongs. Files that are not annotations are left out.

    `names` are the names in the archive, by their names without the folders of splits.

    Raises:
        PedigreeError: naming two annotations that would become the same file.
    """
    stems = {(breed, PurePosixPath(file).stem) for breed, file in photos}
    inside = [item for item in names.items() if len(item[0]) == len(root) + 2 and item[0][:-2] == root]
    files = ((parts[-2], _stem(parts, stems), member) for parts, member in inside)
    return placed(archive, ((breed, stem, member) for breed, stem, member in files if stem is not None))


def placed(archive: Path | str, files: Iterable[tuple[str, str, Parts]], *, by_stem: bool = True) -> Places:
    """Collect the places of `files`: breed, name of the file, and name in the archive.

    Raises:
        PedigreeError: if a file system could not distinguish two places, or `by_stem` two photos share an annotation.
    """
    places: Places = {}
    folders: dict[str, str] = {}
    stems: dict[tuple[str, str], Parts] = {}
    for breed, file, parts in files:
        if folders.setdefault(same_name(breed), breed) != breed:
            raise _collision(archive, folders[same_name(breed)], breed)
        stem = PurePosixPath(file).stem if by_stem and is_photo(parts) else file
        other = stems.setdefault((breed, same_name(stem)), parts)
        if other != parts:
            raise _collision(archive, "/".join(other), "/".join(parts))
        places[breed, file] = parts
    return places


def check_breeds_agree(images: Path, photos: Places, annotations: Path, annotated: Places) -> None:
    """Raise PedigreeError if the two archives spell the folder of a breed differently, such as in another case."""
    spellings = {same_name(breed): breed for breed, _ in photos}
    for breed in sorted({breed for breed, _ in annotated}):
        if spellings.get(same_name(breed), breed) != breed:
            raise PedigreeError(
                f"{annotations}: folder {shown(breed)} is {shown(spellings[same_name(breed)])} in {images}; "
                "use the same spelling in both archives."
            )


def _unsafe(name: str, parts: Parts) -> str | None:
    if has_control_characters(name):
        return "has control characters or is not UTF-8"
    if name.startswith("/"):
        return "is an absolute path"
    if "\\" in name or re.match(r"[A-Za-z]:", name):
        return "has a backslash or a drive letter"
    if ".." in parts:
        return "leads outside the folder with '..'"
    if any(len(part.encode()) > LONGEST_PART for part in parts) or len(name.encode()) > LONGEST_NAME:
        return f"is too long (at most {LONGEST_PART} bytes per part and {LONGEST_NAME} in all)"
    return None


def _folder(parts: Parts) -> str | None:
    return parts[-2] if len(parts) > 1 else None


def _check_folders(archive: Path, names: Collection[Parts]) -> None:
    """Check that every photo lies in a breed's folder, and that all breeds' folders lie side by side."""
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
    """Check that the photos are not all in one folder, as in Kaggle's archive, where the folder is not a breed."""
    ids = {match[1] for parts in names if (match := _WORDNET_PHOTO.match(parts[-1]))}
    if len({parts[-2] for parts in names}) == 1 and len(ids) > 1:
        raise PedigreeError(
            f"{archive}: photos of {len(ids)} breeds lie together in {shown(min(names)[-2])}, so their breeds can be "
            "read from the annotations only: set data.annotations."
        )


def _breed_by_id(archive: Path, parts: Parts, breeds: Collection[str]) -> str:
    wordnet_id = parts[-1].partition("_")[0]
    matches = sorted(breed for breed in breeds if breed.partition("-")[0] == wordnet_id)
    if len(matches) == 1:
        return matches[0]
    received = ", ".join(matches) or "none"
    raise PedigreeError(
        f"{archive}: no folder of photos has the name of a folder of annotations, so the breed of a photo is taken "
        f"from the WordNet id before '_'. For {shown('/'.join(parts))}, expected one folder of annotations named "
        f"{shown(wordnet_id + '-…')}. Received: {received}. Check that data.images and data.annotations belong "
        "together."
    )


def _stem(parts: Parts, photos: Collection[tuple[str, str]]) -> str | None:
    """Return the stem of an annotation. A dot belongs to the stem if a photo has the same stem."""
    file, suffix = parts[-1], annotation_suffix(parts[-1])
    if (parts[-2], file) in photos:
        return file
    stem = None if suffix is None else file[: len(file) - len(suffix)]
    return None if stem in (".", "..") else stem


def _collision(archive: Path | str, one: str, other: str) -> PedigreeError:
    return PedigreeError(
        f"{archive}: {shown(one)} and {shown(other)} differ only in case or suffix, so they would become the same "
        "file; rename or remove one."
    )
