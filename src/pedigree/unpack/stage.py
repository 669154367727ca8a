"""The unpack stage: unpacks the archives of photos and annotations into `data/raw`, all or nothing.

Tar and zip archives of several layouts give the same folders.
"""

import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pedigree.common.files import replacing_folder
from pedigree.common.paths import RAW, SPLIT
from pedigree.common.plurals import plural
from pedigree.errors import PedigreeError
from pedigree.settings.params import Unpack
from pedigree.unpack.archives import Extraction, check_kind, extract
from pedigree.unpack.layouts import Parts, Places
from pedigree.unpack.placement import Placement, is_wanted_with_annotations, is_wanted_with_photos, place


@dataclass(frozen=True)
class Unpacked:
    """Counts of what was unpacked, and the names of the files that are neither photo nor annotation (`skipped`).

    Photos without a breed, or with boxes of several breeds, were left out. `held_out` is the number of photos that the
    kept split holds out; None if no split is kept.
    """

    photos: int
    breeds: int
    annotations: int
    photos_without_annotation: int
    annotations_without_photo: int
    skipped: tuple[str, ...]
    photos_without_breed: int = 0
    photos_of_several_breeds: int = 0
    held_out: int | None = None
    litter: int = 0  # hidden files of operating systems, which are ignored

    def __str__(self) -> str:
        lines = [
            f"{plural(self.photos, 'photo')} of {plural(self.breeds, 'breed')}, "
            f"{plural(self.annotations, 'annotation')}"
        ]
        if self.held_out is not None:
            trained = plural(self.photos - self.held_out, "photo")
            lines.append(f"split kept: {trained} to train on, {self.held_out} held out")
        if self.photos_without_breed:
            lines.append(f"left out {plural(self.photos_without_breed, 'photo')} without a breed")
        if self.photos_of_several_breeds:
            lines.append(f"left out {plural(self.photos_of_several_breeds, 'photo')} with boxes of several breeds")
        if self.annotations and self.photos_without_annotation:
            lines.append(f"{plural(self.photos_without_annotation, 'photo has', 'photos have')} no annotation")
        if self.annotations_without_photo:
            lines.append(f"{plural(self.annotations_without_photo, 'annotation has', 'annotations have')} no photo")
        if self.skipped:
            more = ", …" if len(self.skipped) > 5 else ""
            lines.append(f"skipped {plural(len(self.skipped), 'other file')}: {', '.join(self.skipped[:5])}{more}")
        if self.litter:
            lines.append(f"ignored {plural(self.litter, 'hidden file')} of operating systems")
        return "\n".join(lines)


def unpack(images: Path, annotations: Path | None, settings: Unpack, target: Path = RAW) -> Unpacked:
    """Unpack photos to `target/Images/<breed>/<photo>` and annotations to `target/Annotation/<breed>/<stem>`.

    `target` is replaced at the end, by one rename. On any error it stays as it was. There is no folder `Annotation` if
    `annotations` is None, an empty archive or a table of breeds. COCO boxes are converted to Pascal VOC. If the split
    of the archive is kept, `target/split.csv` has the columns `photo` ("<breed>/<file>") and `split` (`train` or
    `holdout`), sorted by photo. The limits apply to each archive.

    Raises:
        PedigreeError: naming the archive, the member, what is wrong with it and what to do.
    """
    for archive in [images, *([annotations] if annotations else [])]:
        _check_outside(archive, target)
        check_kind(archive, settings)  # of both, before minutes of unpacking one
    try:
        with replacing_folder(target) as folder:
            return _unpack(images, annotations, settings, folder)
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


def _unpack(images: Path, annotations: Path | None, settings: Unpack, folder: Path) -> Unpacked:
    """Extract both archives under numbers, decide where each file belongs, then move the files there."""
    numbered = folder / "numbered"
    described = None
    if annotations is not None:
        described = extract(annotations, settings, numbered / "a", is_wanted_with_annotations)
    if described and not (described.files or described.folders or described.other):
        described = None
    pictured = extract(images, settings, numbered / "i", is_wanted_with_photos)
    placement = place(pictured, described, keep_split=settings.split == "keep")
    _move(pictured, placement.photos, folder / "Images")
    if described is not None and placement.annotations:
        _move(described, placement.annotations, folder / "Annotation")
    _write(placement.converted, folder / "Annotation")
    if placement.sides:
        _write_split(placement.sides, folder / SPLIT.name)
    shutil.rmtree(numbered)
    return _summary(pictured, described, placement)


def _move(extraction: Extraction, places: Places, folder: Path) -> None:
    folder.mkdir()
    for breed in sorted({breed for breed, _ in places}):
        (folder / breed).mkdir()
    for (breed, file), parts in places.items():
        extraction.path(parts).rename(folder / breed / file)


def _write(files: Mapping[tuple[str, str], bytes], folder: Path) -> None:
    for (breed, file), content in files.items():
        (folder / breed).mkdir(parents=True, exist_ok=True)
        (folder / breed / file).write_bytes(content)


def _write_split(sides: Mapping[tuple[str, str], str], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("photo", "split"))
        writer.writerows(sorted(("/".join(place), side) for place, side in sides.items()))


def _summary(images: Extraction, annotations: Extraction | None, placement: Placement) -> Unpacked:
    photos, annotated = placement.photos, placement.annotations.keys() | placement.converted.keys()
    stems = {(breed, Path(file).stem) for breed, file in photos}
    skipped = _skipped(images, annotations, placement)
    return Unpacked(
        photos=len(photos),
        breeds=len({breed for breed, _ in photos}),
        annotations=len(annotated),
        photos_without_annotation=len(stems - annotated),
        annotations_without_photo=len(annotated - stems) + placement.without_photo,
        skipped=tuple(sorted(f"{archive.name}:{'/'.join(parts)}" for archive, parts in skipped)),
        photos_without_breed=len(placement.without_breed),
        photos_of_several_breeds=len(placement.of_several_breeds),
        held_out=list(placement.sides.values()).count("holdout") if placement.sides else None,
        litter=images.litter + (annotations.litter if annotations else 0),
    )


def _skipped(images: Extraction, annotations: Extraction | None, placement: Placement) -> set[tuple[Path, Parts]]:
    """Return the files that nothing was made of, each by its archive and name. One archive may be given as both."""
    extractions = [images, *([annotations] if annotations else [])]
    photos = {*placement.photos.values(), *placement.without_breed, *placement.of_several_breeds, *placement.read}
    used = {(images.archive, parts) for parts in photos}
    if annotations:
        used |= {(annotations.archive, parts) for parts in (*placement.annotations.values(), *placement.read)}
    files = ((one.archive, parts) for one in extractions for parts in (*one.files, *one.other))
    return {file for file in files if file not in used}
