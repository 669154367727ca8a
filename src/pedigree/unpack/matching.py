"""Which photo each picture of a COCO file is, and what follows from it: the photo's breed and its annotation."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pedigree.common.breeds import display_name, same_breed
from pedigree.errors import PedigreeError
from pedigree.unpack.coco import Picture, voc
from pedigree.unpack.layouts import Parts, Places, breed_folder, placed, shown


@dataclass(frozen=True)
class Described:
    """The pictures of all COCO files, by the name of the photo in the archive, and how many have no photo."""

    pictures: dict[Parts, Picture]
    without_photo: int


def match(archive: Path, photos: Collection[Parts], files: Mapping[str, tuple[Parts, Sequence[Picture]]]) -> Described:
    """Find the photo of every picture: the one whose name in the archive ends with the picture's name, or the reverse.

    If several photos fit, the one in the folder of the COCO file is chosen.

    Args:
        archive: the archive of the photos, for messages.
        photos: the names of the photos in the archive.
        files: by the name of each COCO file for messages: the folder that it lies in, and its pictures.

    Raises:
        PedigreeError: if no picture has a photo; or naming a picture that fits several photos, or that is there twice.
    """
    by_file: dict[str, list[Parts]] = {}
    for parts in photos:
        by_file.setdefault(parts[-1], []).append(parts)
    found: dict[Parts, Picture] = {}
    without_photo = 0
    for source, (folder, pictures) in files.items():
        for picture in pictures:
            photo = _photo(source, folder, picture, by_file.get(picture.name[-1], []))
            if photo is None:
                without_photo += 1
            elif photo in found:
                name = shown("/".join(photo))
                raise PedigreeError(f"{source}: photo {name} is among the images twice; remove one entry.")
            else:
                found[photo] = picture
    if not found:
        raise PedigreeError(
            f"{' and '.join(files)}: no file_name is that of a photo in {archive}; check that data.images and "
            "data.annotations belong together."
        )
    return Described(found, without_photo)


def place_by_category(source: str, names: Mapping[Parts, Parts], described: Described) -> Places:
    """Decide where photos belong that lie together: to the breed that is the category of their boxes.

    Photos without a box, or with boxes of several categories, have no place.

    Raises:
        PedigreeError: beginning with `source`, if no photo has a breed, if a category cannot be the name of a folder,
            or if two photos would become the same file.
    """
    files = []
    for parts, member in names.items():
        categories = described.pictures[member].categories if member in described.pictures else []
        if len(categories) == 1:
            files.append((breed_folder(source, categories[0]), parts[-1], member))
    if not files:
        raise PedigreeError(f"{source}: no photo has boxes of exactly one category, so no breed is known; correct it.")
    return placed(source, files)


def annotations(photos: Places, described: Described) -> dict[tuple[str, str], bytes]:
    """Return the VOC XML of each described photo, by breed and stem.

    The objects are named after their categories. If no category is the name of a breed, such as when all are `dog`,
    they are named after the photo's folder.
    """
    found = {place: described.pictures[parts] for place, parts in photos.items() if parts in described.pictures}
    categories = {category for picture in found.values() for category in picture.categories}
    breeds = {breed for breed, _ in photos}
    named = any(same_breed(category, name) for category in categories for breed in breeds for name in _names(breed))
    return {
        (breed, PurePosixPath(file).stem): voc(
            picture, file, {category: category if named else breed for category in picture.categories}
        )
        for (breed, file), picture in found.items()
    }


def _names(breed: str) -> tuple[str, str]:
    return breed, display_name(breed)


def _photo(source: str, folder: Parts, picture: Picture, candidates: Sequence[Parts]) -> Parts | None:
    fitting = [parts for parts in candidates if _ends_alike(parts, picture.name)]
    beside = [parts for parts in fitting if parts[:-1] == folder]
    if len(fitting) > 1 and len(beside) != 1:
        one, other = (shown("/".join(parts)) for parts in sorted(fitting)[:2])
        raise PedigreeError(
            f"{source}: file_name {shown('/'.join(picture.name))} fits the photos {one} and {other}; write their "
            "folders into file_name."
        )
    return beside[0] if len(fitting) > 1 else next(iter(fitting), None)


def _ends_alike(one: Parts, other: Parts) -> bool:
    length = min(len(one), len(other))
    return one[-length:] == other[-length:]
