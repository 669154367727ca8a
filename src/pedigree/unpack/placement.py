"""Chooses the layout of the archives, and decides where each of their files belongs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pedigree.errors import PedigreeError
from pedigree.unpack import splits
from pedigree.unpack.archives import Extraction
from pedigree.unpack.coco import is_coco, read_coco
from pedigree.unpack.labels import is_labels, is_table, place_labelled, read_labels
from pedigree.unpack.layouts import (
    PHOTO_SUFFIXES,
    Parts,
    Places,
    annotation_breeds,
    annotation_root,
    check_breeds_agree,
    is_photo,
    place_annotations,
    place_photos,
    shown,
)
from pedigree.unpack.matching import annotations as converted_annotations
from pedigree.unpack.matching import match, place_by_category


@dataclass(frozen=True)
class Placement:
    """Where the files belong.

    Attributes:
        photos: the places of the photos.
        annotations: the places of the annotations that are moved as they are.
        converted: the content of the annotations that are written, by breed and stem.
        read: the files that the breeds or boxes were read from.
        without_breed: the photos that nothing names a breed of.
        of_several_breeds: the photos with boxes of several breeds.
        without_photo: the number of converted annotations that no photo belongs to.
        sides: `train` or `holdout` for each photo, if the split of the archive is kept; else empty.
    """

    photos: Places
    annotations: Places = field(default_factory=dict)
    converted: dict[tuple[str, str], bytes] = field(default_factory=dict)
    read: frozenset[Parts] = frozenset()
    without_breed: frozenset[Parts] = frozenset()
    of_several_breeds: frozenset[Parts] = frozenset()
    without_photo: int = 0
    sides: dict[tuple[str, str], str] = field(default_factory=dict)


def is_wanted_with_photos(parts: Parts) -> bool:
    """Whether a file of the photos' archive is extracted: a photo or a table of breeds."""
    return is_photo(parts) or is_labels(parts)


def is_wanted_with_annotations(parts: Parts) -> bool:
    """Whether a file of the annotations' archive is extracted."""
    return not is_photo(parts)


def place(images: Extraction, annotations: Extraction | None, *, keep_split: bool) -> Placement:
    """Return where each photo and each annotation belongs.

    Args:
        images: what was extracted from the archive of the photos.
        annotations: the same of the annotations; None without any.
        keep_split: whether the split of the archive is kept. In any case, its folders are merged.

    Raises:
        PedigreeError: if the layout is not known, or if files do not fit together.
    """
    placement = _placement(images, annotations)
    if not keep_split:
        return placement
    merged = splits.merge(_photos(images))
    return replace(placement, sides=splits.kept(images.archive, placement.photos, merged.splits))


def _placement(images: Extraction, annotations: Extraction | None) -> Placement:
    if annotations is None:
        return _without_annotations(images)
    merged = splits.merge([parts for parts in images.files if is_photo(parts)], flat=False)
    annotated = splits.merge_annotations(annotations.archive, annotations.files, merged)
    if (root := annotation_root(annotated)) is not None:
        return _with_voc(images, annotations, annotated, root)
    boxes, table = sorted(filter(is_coco, annotations.files)), _table(annotations, is_table)
    if boxes and table:
        raise PedigreeError(
            f"{annotations.archive} holds both COCO boxes, {shown('/'.join(boxes[0]))}, and a table of breeds, "
            f"{shown('/'.join(table))}; keep one of them."
        )
    if boxes:
        return _with_coco(images, annotations, boxes)
    if table:
        return _with_labels(images, annotations, table)
    raise PedigreeError(
        f"{annotations.archive} holds no annotations (<breed>/<photo's stem>, COCO .json or labels.csv); check "
        "data.annotations. For photos without annotations, set it to data/none.zip."
    )


def _without_annotations(images: Extraction) -> Placement:
    photos = _photos(images)
    if splits.is_flat(splits.merge(photos).names) and (table := _table(images, is_labels)):
        return _with_labels(images, images, table)
    names = splits.merge(photos, flat=False).names
    splits.check_not_split_only(images.archive, names)
    return Placement(place_photos(images.archive, names, None, annotated=False))


def _with_voc(images: Extraction, annotations: Extraction, annotated: Mapping[Parts, Parts], root: Parts) -> Placement:
    """Take annotations from the folders of breeds in `root`; also the breeds, if photos lie together in one folder."""
    names = splits.merge(_photos(images), flat=False).names
    is_split = any(name != parts for name, parts in annotated.items())
    folders = splits.breed_folders(annotations.folders) if is_split else annotations.folders
    breeds = annotation_breeds(root, annotated, folders)
    photos = place_photos(images.archive, names, breeds)
    places = place_annotations(annotations.archive, root, annotated, photos)
    check_breeds_agree(images.archive, photos, annotations.archive, places)
    return Placement(photos, places)


def _with_coco(images: Extraction, annotations: Extraction, members: Sequence[Parts]) -> Placement:
    """Take boxes from COCO files; also the breeds, if the photos lie together in one folder."""
    names = splits.merge(_photos(images)).names
    files = {
        (source := annotations.source(parts)): (parts[:-1], read_coco(source, annotations.path(parts)))
        for parts in members
    }
    described = match(images.archive, names.values(), files)
    if splits.is_flat(names):
        photos = place_by_category(" and ".join(files), names, described)
    else:
        photos = place_photos(images.archive, names, None)
    left_out = set(names.values()) - set(photos.values())
    several = {parts for parts in left_out if parts in described.pictures and described.pictures[parts].boxes}
    return Placement(
        photos,
        converted=converted_annotations(photos, described),
        read=frozenset(members),
        without_breed=frozenset(left_out - several),
        of_several_breeds=frozenset(several),
        without_photo=described.without_photo,
    )


def _with_labels(images: Extraction, holder: Extraction, table: Parts) -> Placement:
    """Take breeds from a table in the archive `holder`."""
    source, names = holder.source(table), splits.merge(_photos(images)).names
    photos = place_labelled(source, images.archive, names, read_labels(source, holder.path(table)))
    without_breed = frozenset(names.values()) - frozenset(photos.values())
    return Placement(photos, read=frozenset([table]), without_breed=without_breed)


def _photos(images: Extraction) -> list[Parts]:
    photos = [parts for parts in images.files if is_photo(parts)]
    if not photos:
        kinds = ", ".join(sorted(PHOTO_SUFFIXES))
        raise PedigreeError(f"{images.archive} holds no photos ({kinds}); check data.images.")
    return photos


def _table(extraction: Extraction, is_table: Callable[[Parts], bool]) -> Parts | None:
    """Return the table of breeds: `labels.csv`, or else the only file that `is_table`; None if there is none."""
    tables = sorted(filter(is_labels, extraction.files)) or sorted(filter(is_table, extraction.files))
    if len(tables) > 1:
        one, other = (shown("/".join(table)) for table in tables[:2])
        raise PedigreeError(f"{extraction.archive} holds several tables of breeds, {one} and {other}; keep one.")
    return tables[0] if tables else None
