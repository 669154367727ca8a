"""From the archives of photos and annotations to `data/raw`: safe, atomic, whatever container and layout came."""

import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pedigree.common.files import replacing_folder
from pedigree.common.paths import RAW
from pedigree.common.progress import progress_bar
from pedigree.errors import PedigreeError
from pedigree.settings.params import Unpack
from pedigree.unpack.layouts import (
    Parts,
    Places,
    annotation_breeds,
    annotation_root,
    check_breeds_agree,
    is_litter,
    is_photo,
    place_annotations,
    place_photos,
    safe_parts,
    same_name,
    shown,
)
from pedigree.unpack.members import Member, Source
from pedigree.unpack.tarballs import BLOCK, compression, looks_like_tar, tar_members
from pedigree.unpack.zips import MAGICS, zip_members


@dataclass(frozen=True)
class Unpacked:
    """What was unpacked, and what was not: `passed_over` names the files that are neither photo nor annotation."""

    photos: int
    breeds: int
    annotations: int
    photos_without_annotation: int
    annotations_without_photo: int
    passed_over: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.photos} photos of {self.breeds} breeds, {self.annotations} annotations"]
        if self.annotations and self.photos_without_annotation:
            lines.append(f"{self.photos_without_annotation} photos have no annotation")
        if self.annotations_without_photo:
            lines.append(f"{self.annotations_without_photo} annotations have no photo")
        if self.passed_over:
            more = ", …" if len(self.passed_over) > 5 else ""
            lines.append(f"passed over {len(self.passed_over)} other files: {', '.join(self.passed_over[:5])}{more}")
        return "\n".join(lines)


@dataclass
class _Contents:
    """What of `archive` lies unpacked in `folder`, where each file's name is its number."""

    archive: Path
    folder: Path
    files: dict[Parts, int] = field(default_factory=dict)
    folders: set[Parts] = field(default_factory=set)
    other: list[Parts] = field(default_factory=list)


def unpack(images: Path, annotations: Path | None, limits: Unpack, target: Path = RAW) -> Unpacked:
    """Unpack photos to `target/Images/<breed>/<photo>` and annotations to `target/Annotation/<breed>/<stem>`.

    What `target` held before is replaced at the end by one rename, and stays as it was on any error. Without
    `annotations`, or with an archive of nothing, there is no folder `Annotation`. The limits hold for each archive.

    Raises:
        PedigreeError: naming the archive, the member, what is wrong with it and what to do.
    """
    for archive in [images, *([annotations] if annotations else [])]:
        _check_outside(archive, target)
    try:
        with replacing_folder(target) as folder:
            return _unpack(images, annotations, limits, folder)
    except OSError as error:
        raise PedigreeError(f"{target} cannot be written ({error.strerror or error}); make room or check it.") from None


def _check_outside(archive: Path, target: Path) -> None:
    """What `target` held is replaced: it must not be the archive, nor a file of the person's."""
    if target.exists() and not target.is_dir():
        raise PedigreeError(f"{target} is a file, where a folder is to be written; move it away.")
    if archive.resolve().is_relative_to(target.resolve()):
        raise PedigreeError(f"{archive} lies in {target}, which is replaced by what is unpacked; move the archive.")


def _unpack(images: Path, annotations: Path | None, limits: Unpack, folder: Path) -> Unpacked:
    """Unpack under numbers first: no name from an archive touches the disk before all names have been judged."""
    numbered = folder / "numbered"
    described = None if annotations is None else _extract(annotations, limits, numbered / "a", _may_be_annotation)
    if described and not (described.files or described.folders or described.other):
        described = None
    pictured = _extract(images, limits, numbered / "i", is_photo)
    photos, annotated = _places(pictured, described)
    _move(pictured, photos, folder / "Images")
    if described is not None:
        _move(described, annotated, folder / "Annotation")
    shutil.rmtree(numbered)
    return _summary([pictured, *([described] if described else [])], photos, annotated)


def _places(images: _Contents, annotations: _Contents | None) -> tuple[Places, Places]:
    if annotations is None:
        return place_photos(images.archive, images.files, None), {}
    root = annotation_root(annotations.files)
    if root is None:
        raise PedigreeError(
            f"{annotations.archive} holds no annotations (<breed>/<photo's stem>); check data.annotations; photos "
            "alone go with data/none.zip."
        )
    breeds = annotation_breeds(root, annotations.files, annotations.folders)
    photos = place_photos(images.archive, images.files, breeds)
    annotated = place_annotations(annotations.archive, root, annotations.files, photos)
    check_breeds_agree(images.archive, photos, annotations.archive, annotated)
    return photos, annotated


def _extract(archive: Path, limits: Unpack, into: Path, wanted: Callable[[Parts], bool]) -> _Contents:
    into.mkdir(parents=True)
    contents, seen = _Contents(archive, into), dict[str, str]()
    with closing(_members(archive, limits)) as found:
        for member in found:
            parts = safe_parts(archive, member.name)
            if member.is_folder:
                contents.folders.add(parts)
            elif not parts:
                raise PedigreeError(f"{archive}: a file has the name {shown(member.name)}; pack the archive again.")
            elif not is_litter(parts):
                _check_new(archive, member.name, parts, seen)
                _take(member, parts, contents, wanted)
    return contents


def _take(member: Member, parts: Parts, contents: _Contents, wanted: Callable[[Parts], bool]) -> None:
    if not wanted(parts):
        contents.other.append(parts)
        return
    number = contents.files[parts] = len(contents.files)
    path = contents.folder / str(number)
    with path.open("xb") as file:
        for chunk in member.chunks:
            file.write(chunk)
    path.chmod(0o644)


def _check_new(archive: Path, name: str, parts: Parts, seen: dict[str, str]) -> None:
    key = same_name("/".join(parts))
    if key in seen:
        what = "is there twice" if seen[key] == name else f"and {shown(seen[key])} differ only in case"
        raise PedigreeError(f"{archive}: member {shown(name)} {what}; remove or rename one.")
    seen[key] = name


def _may_be_annotation(parts: Parts) -> bool:
    return not is_photo(parts)


def _members(archive: Path, limits: Unpack) -> Generator[Member, None, None]:
    """Yield files and folders in the archive's order, with a progress bar over its bytes."""
    with _opened(archive) as file:
        size = archive.stat().st_size
        source = Source(archive, size, limits)
        bar = progress_bar(label=f"unpack {archive.name}", total=size, unit="B", unit_scale=True)
        with bar, _reader(file, source) as found:
            for member in found:
                yield member
                bar.update(max(0, file.tell() - bar.n))
            bar.update(size - bar.n)


def _opened(archive: Path) -> IO[bytes]:
    if not archive.exists():
        raise PedigreeError(f"{archive} is not here: put the archive there, or correct `data` in params.yaml.")
    if not archive.is_file():
        raise PedigreeError(f"{archive} is not a file: `data` in params.yaml must name an archive, tar or zip.")
    try:
        return archive.open("rb")
    except OSError as error:
        raise PedigreeError(f"{archive} cannot be opened ({error.strerror}); check its permissions.") from None


def _reader(file: IO[bytes], source: Source) -> AbstractContextManager[Iterator[Member]]:
    """Tell the kind of archive by its first bytes, never by its name."""
    start = file.read(BLOCK)
    file.seek(0)
    if start.startswith(MAGICS):
        return zip_members(file, source)
    kind = compression(start)
    if kind or looks_like_tar(start):
        return tar_members(file, source, kind)
    found = f"it begins with {start[:8]!r}" if start else "it is empty"
    raise source.error(f"is neither tar (plain, gzip, bzip2 or xz) nor zip, {found}", "give an archive of these kinds")


def _move(contents: _Contents, places: Places, folder: Path) -> None:
    folder.mkdir()
    for breed in sorted({breed for breed, _ in places}):
        (folder / breed).mkdir()
    for (breed, file), parts in places.items():
        (contents.folder / str(contents.files[parts])).rename(folder / breed / file)


def _summary(archives: list[_Contents], photos: Places, annotated: Places) -> Unpacked:
    stems = {(breed, Path(file).stem) for breed, file in photos}
    placed = {*photos.values(), *annotated.values()}
    unplaced = [
        f"{contents.archive.name}:{'/'.join(parts)}"
        for contents in archives
        for parts in [*contents.other, *(parts for parts in contents.files if parts not in placed)]
    ]
    return Unpacked(
        photos=len(photos),
        breeds=len({breed for breed, _ in photos}),
        annotations=len(annotated),
        photos_without_annotation=len(stems - annotated.keys()),
        annotations_without_photo=len(annotated.keys() - stems),
        passed_over=tuple(sorted(unplaced)),
    )
