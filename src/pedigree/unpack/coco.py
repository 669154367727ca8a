"""COCO JSON (cocodataset.org, "Data format"): the boxes of all photos in one file, converted to Pascal VOC XML."""

import json
import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pedigree.common import json_text
from pedigree.common.names import composed, has_control_characters
from pedigree.errors import PedigreeError
from pedigree.unpack.layouts import Parts, shown

LARGEST_FILE = 100_000_000  # bytes; the photos and boxes of Stanford Dogs take about ten million

_LARGEST = 10**8  # pixels; sums of two are within what the reader of VOC accepts


@dataclass(frozen=True)
class Labelled:
    """A box in whole pixels, of which `xmax` and `ymax` are excluded, and the name of its category."""

    category: str
    corners: tuple[int, int, int, int]  # xmin, ymin, xmax, ymax


@dataclass(frozen=True)
class Picture:
    """One entry of `images`: the parts of its `file_name`, its size in pixels (0: not given), and its boxes."""

    name: Parts
    width: int
    height: int
    boxes: tuple[Labelled, ...]

    @property
    def categories(self) -> list[str]:
        """The names of the categories of the boxes, each once, sorted."""
        return sorted({box.category for box in self.boxes})


def is_coco(parts: Parts) -> bool:
    """Whether the name of a file ends with .json, in any case."""
    return PurePosixPath(parts[-1]).suffix.lower() == ".json"


def read_coco(source: str, path: Path) -> list[Picture]:
    """Read the pictures of a COCO file with their boxes. Crowds (`iscrowd`) are left out. Names are in NFC.

    Args:
        source: the name of the file for messages.
        path: the file.

    Raises:
        PedigreeError: if the file is too large, is not JSON or not COCO; or naming the entry that is wrong, such as a
            box without four numbers or an annotation of an unknown picture.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise PedigreeError(
            f"{source} is larger than {LARGEST_FILE} bytes; keep only the boxes, without segmentations."
        )
    try:
        content = json_text.parse(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise PedigreeError(f"{source} cannot be read as JSON ({error}); write it again.") from None
    try:
        return _pictures(content)
    except _NotCocoError as reason:
        raise PedigreeError(f"{source} is not COCO with boxes: {reason}; correct it or leave it out.") from None


def voc(picture: Picture, file: str, names: Mapping[str, str]) -> bytes:
    """Return a picture's boxes as Pascal VOC XML.

    Args:
        picture: the picture.
        file: the name of the photo's file.
        names: the `<name>` to write for each category.
    """
    root = ElementTree.Element("annotation")
    _add(root, "filename", file)
    size = _add(root, "size")
    for tag, side in (("width", picture.width), ("height", picture.height), ("depth", 3)):
        _add(size, tag, str(side))
    for box in picture.boxes:
        dog = _add(root, "object")
        _add(dog, "name", names[box.category])
        frame = _add(dog, "bndbox")
        for tag, corner in zip(("xmin", "ymin", "xmax", "ymax"), box.corners, strict=True):
            _add(frame, tag, str(corner))
    ElementTree.indent(root, "\t")
    content: bytes = ElementTree.tostring(root, encoding="utf-8")
    return content


class _NotCocoError(Exception):
    """The reason why a file is not COCO, in a few words."""


def _add(parent: ElementTree.Element, tag: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag)
    child.text = text
    return child


def _pictures(content: Any) -> list[Picture]:
    if not isinstance(content, dict):
        raise _NotCocoError("expected an object with images, annotations and categories")
    images, categories = _by_id(content, "images"), _by_id(content, "categories")
    names = {number: _category(where, entry) for number, (where, entry) in categories.items()}
    boxes: dict[int | str, list[Labelled]] = {number: [] for number in images}
    for where, entry in _entries(content, "annotations"):
        picture = _known(where, entry, "image_id", boxes)
        category = names[_known(where, entry, "category_id", names)]
        if not entry.get("iscrowd"):
            boxes[picture].append(Labelled(category, _corners(where, entry.get("bbox"))))
    return [_picture(where, entry, boxes[number]) for number, (where, entry) in images.items()]


def _entries(content: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of a list of the file, each after its place, such as "images[3]"."""
    entries = content.get(key)
    if not isinstance(entries, list):
        raise _NotCocoError(f"expected a list {key!r}")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise _NotCocoError(f"{key}[{number}] is not an object")
        yield f"{key}[{number}]", entry


def _by_id(content: dict[str, Any], key: str) -> dict[int | str, tuple[str, dict[str, Any]]]:
    found: dict[int | str, tuple[str, dict[str, Any]]] = {}
    for where, entry in _entries(content, key):
        number = entry.get("id")
        if isinstance(number, bool) or not isinstance(number, int | str):
            raise _NotCocoError(f"{where} has no id")
        if number in found:
            raise _NotCocoError(f"{where} and {found[number][0]} have the same id {_short(number)}")
        found[number] = (where, entry)
    return found


def _known(where: str, entry: dict[str, Any], key: str, known: Mapping[int | str, Any]) -> int | str:
    number = entry.get(key)
    if isinstance(number, bool) or not isinstance(number, int | str) or number not in known:
        raise _NotCocoError(f"{where} has the {key} {_short(number)}, which no entry has as its id")
    return number


def _category(where: str, entry: dict[str, Any]) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip() or has_control_characters(name):
        raise _NotCocoError(f"{where} has no usable name. Received: {_short(name)}")
    return composed(name.strip())


def _picture(where: str, entry: dict[str, Any], boxes: list[Labelled]) -> Picture:
    name = entry.get("file_name")
    path = composed(name).replace("\\", "/") if isinstance(name, str) else ""
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if not parts or path.endswith("/"):
        raise _NotCocoError(f"{where} has no file_name. Received: {_short(name)}")
    width, height = (_side(where, entry, key) for key in ("width", "height"))
    return Picture(parts, width, height, tuple(boxes))


def _side(where: str, entry: dict[str, Any], key: str) -> int:
    """Return the width or height in pixels; 0 if it is not given."""
    side = entry.get(key)
    if side is None:
        return 0
    if not _is_number(side) or side < 0 or side != int(side):
        raise _NotCocoError(f"the {key} of {where} is not a number of pixels. Received: {_short(side)}")
    return int(side)


def _corners(where: str, box: Any) -> tuple[int, int, int, int]:
    """Round the corners, not the sides, so that a box that ends at the photo's edge still does."""
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise _NotCocoError(
            f"the bbox of {where} is not [x, y, width, height] in numbers of pixels. Received: {_short(box)}"
        )
    x, y, width, height = box
    left, top, right, lower = (math.floor(edge + 0.5) for edge in (x, y, x + width, y + height))
    return left, top, right, lower


def _is_number(value: Any) -> bool:
    """Whether a value is a number of pixels; NaN, infinity and absurdly large numbers are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _short(value: Any) -> str:
    return shown(value) if isinstance(value, str) else shown(json.dumps(value, ensure_ascii=True)[:120])[1:-1]
