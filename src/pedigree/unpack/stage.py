"""The unpack stage: unpacks the archives of photos and annotations into `data/raw`, all or nothing.

Tar and zip archives of several layouts give the same folders.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pedigree.common.files import replacing_folder
from pedigree.common.paths import RAW
from pedigree.errors import PedigreeError
from pedigree.settings.params import Unpack
from pedigree.unpack.archives import Extraction, extract
from pedigree.unpack.layouts import (
    Parts,
    Places,
    annotation_breeds,
    annotation_root,
    check_breeds_agree,
    is_photo,
    place_annotations,
    place_photos,
)


@dataclass(frozen=True)
class Unpacked:
    """Counts of what was unpacked, and the names of the files that are neither photo nor annotation (`skipped`)."""

    photos: int
    breeds: int
    annotations: int
    photos_without_annotation: int
    annotations_without_photo: int
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.photos} photos of {self.breeds} breeds, {self.annotations} annotations"]
        if self.annotations and self.photos_without_annotation:
            lines.append(f"{self.photos_without_annotation} photos have no annotation")
        if self.annotations_without_photo:
            lines.append(f"{self.annotations_without_photo} annotations have no photo")
        if self.skipped:
            more = ", …" if len(self.skipped) > 5 else ""
            lines.append(f"skipped {len(self.skipped)} other files: {', '.join(self.skipped[:5])}{more}")
        return "\n".join(lines)


def unpack(images: Path, annotations: Path | None, limits: Unpack, target: Path = RAW) -> Unpacked:
    """Unpack photos to `target/Images/<breed>/<photo>` and annotations to `target/Annotation/<breed>/<stem>`.

    `target` is replaced at the end, by one rename. On any error it stays as it was. There is no folder `Annotation` if
    `annotations` is None or an empty archive. The limits apply to each archive.

    Raises:
        PedigreeError: naming the archive, the member, what is wrong with it and what to do.
    """
    for archive in [images, *([annotations] if annotations else [])]:
        _check_outside(archive, target)
    try:
        with replacing_folder(target) as folder:
            return _unpack(images, annotations, limits, folder)
    except OSError as error:
        raise PedigreeError(
            f"{target} cannot be written ({error.strerror or error}); free some disk space or check its permissions."
        ) from None


def _check_outside(archive: Path, target: Path) -> None:
    """Raise if replacing `target` would delete the archive or some other file."""
    if target.exists() and not target.is_dir():
        raise PedigreeError(f"{target} is a file, but a folder is to be written there; move the file away.")
    if archive.resolve().is_relative_to(target.resolve()):
        raise PedigreeError(f"{archive} lies in {target}, which unpacking replaces; move the archive.")


def _unpack(images: Path, annotations: Path | None, limits: Unpack, folder: Path) -> Unpacked:
    """Extract both archives under numbers, decide where each file belongs, then move the files there."""
    numbered = folder / "numbered"
    described = None if annotations is None else extract(annotations, limits, numbered / "a", _may_be_annotation)
    if described and not (described.files or described.folders or described.other):
        described = None
    pictured = extract(images, limits, numbered / "i", is_photo)
    photos, annotated = _places(pictured, described)
    _move(pictured, photos, folder / "Images")
    if described is not None:
        _move(described, annotated, folder / "Annotation")
    shutil.rmtree(numbered)
    return _summary([pictured, *([described] if described else [])], photos, annotated)


def _may_be_annotation(parts: Parts) -> bool:
    return not is_photo(parts)


def _places(images: Extraction, annotations: Extraction | None) -> tuple[Places, Places]:
    """Return where each photo and each annotation belongs."""
    if annotations is None:
        return place_photos(images.archive, images.files, None), {}
    root = annotation_root(annotations.files)
    if root is None:
        raise PedigreeError(
            f"{annotations.archive} holds no annotations (<breed>/<photo's stem>); check data.annotations. For photos "
            "without annotations, set it to data/none.zip."
        )
    breeds = annotation_breeds(root, annotations.files, annotations.folders)
    photos = place_photos(images.archive, images.files, breeds)
    annotated = place_annotations(annotations.archive, root, annotations.files, photos)
    check_breeds_agree(images.archive, photos, annotations.archive, annotated)
    return photos, annotated


def _move(extraction: Extraction, places: Places, folder: Path) -> None:
    folder.mkdir()
    for breed in sorted({breed for breed, _ in places}):
        (folder / breed).mkdir()
    for (breed, file), parts in places.items():
        (extraction.folder / str(extraction.files[parts])).rename(folder / breed / file)


def _summary(extractions: Sequence[Extraction], photos: Places, annotated: Places) -> Unpacked:
    stems = {(breed, Path(file).stem) for breed, file in photos}
    placed = {*photos.values(), *annotated.values()}
    skipped = [
        f"{extraction.archive.name}:{'/'.join(parts)}"
        for extraction in extractions
        for parts in [*extraction.other, *(parts for parts in extraction.files if parts not in placed)]
    ]
    return Unpacked(
        photos=len(photos),
        breeds=len({breed for breed, _ in photos}),
        annotations=len(annotated),
        photos_without_annotation=len(stems - annotated.keys()),
        annotations_without_photo=len(annotated.keys() - stems),
        skipped=tuple(sorted(skipped)),
    )
