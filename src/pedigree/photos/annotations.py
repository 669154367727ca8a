"""Pascal VOC annotations: one XML file per photo, with one `<object>` (a name and a box) per dog.

Tools write VOC in different ways. Numbers with a decimal point are rounded to the nearest pixel (a half is rounded up),
swapped corners are put in order, and `<size>` may be missing.
"""

import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from pedigree.errors import PedigreeError

LARGEST_FILE = 10_000_000  # bytes; an annotation usually has about one thousand
MOST_OBJECTS = 1_000  # dogs in a photo
LONGEST_NAME = 255  # characters

_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]*)?")


@dataclass(frozen=True)
class Box:
    """A rectangle in whole pixels; `xmax` and `ymax` are excluded, so the width is `xmax - xmin`.

    It may be empty or reach outside the photo.
    """

    xmin: int
    ymin: int
    xmax: int
    ymax: int

    @property
    def width(self) -> int:
        return self.xmax - self.xmin

    @property
    def height(self) -> int:
        return self.ymax - self.ymin


@dataclass(frozen=True)
class Dog:
    """One `<object>`: the name of the breed and the box."""

    name: str
    box: Box


@dataclass(frozen=True)
class Annotation:
    """The content of one file.

    `folder` and `filename` are empty if they are missing. `width` and `height` are the size of the annotated picture in
    pixels; 0 if it is missing.
    """

    folder: str
    filename: str
    width: int
    height: int
    dogs: tuple[Dog, ...]


def read_annotation(path: Path) -> Annotation:
    """Read one annotation.

    Raises:
        PedigreeError: if the file is not well-formed VOC XML, or has a DTD. The message names the file and the problem.
    """
    try:
        return _annotation(_root(_content(path)))
    except _MalformedError as reason:
        raise PedigreeError(f"{path}: {reason}.") from None


class _MalformedError(Exception):
    """The reason why a file is not an annotation, in a few words."""


class _NoDoctype(ElementTree.TreeBuilder):
    """Builds the tree, but refuses a DTD. Without one, a file cannot define entities or refer to other files."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise _MalformedError("a document type declaration is not allowed in an annotation")


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise _MalformedError(f"cannot be read ({error.strerror})") from None
    if not content.strip():
        raise _MalformedError("the annotation is empty")
    if len(content) > LARGEST_FILE:
        raise _MalformedError(f"the file is larger than {LARGEST_FILE} bytes, so it is not an annotation")
    return content


def _root(content: bytes) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(content, parser=ElementTree.XMLParser(target=_NoDoctype()))  # noqa: S314
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise _MalformedError(f"cannot be read as XML ({error})") from None
    if root.tag != "annotation":
        raise _MalformedError(f"expected an <annotation>. Received: <{root.tag[:40]}>")
    return root


def _annotation(root: ElementTree.Element) -> Annotation:
    objects = root.findall("object")
    if len(objects) > MOST_OBJECTS:
        raise _MalformedError(f"it has {len(objects)} objects, expected at most {MOST_OBJECTS}")
    width, height = _side(root, "width"), _side(root, "height")
    if width < 0 or height < 0:
        raise _MalformedError(f"<size> is negative. Received: {width} x {height}")
    return Annotation(
        folder=(root.findtext("folder") or "").strip(),
        filename=(root.findtext("filename") or "").strip(),
        width=width,
        height=height,
        dogs=tuple(map(_dog, objects)),
    )


def _dog(element: ElementTree.Element) -> Dog:
    name = " ".join((_child(element, "name").text or "").split())
    if len(name) > LONGEST_NAME:
        raise _MalformedError(f"the <name> of an <object> has {len(name)} characters, expected at most {LONGEST_NAME}")
    if not name:
        raise _MalformedError("the <name> of an <object> is empty")
    return Dog(name, _box(_child(element, "bndbox")))


def _box(element: ElementTree.Element) -> Box:
    xmin, xmax = sorted((_number(element, "xmin"), _number(element, "xmax")))
    ymin, ymax = sorted((_number(element, "ymin"), _number(element, "ymax")))
    return Box(xmin, ymin, xmax, ymax)


def _side(root: ElementTree.Element, tag: str) -> int:
    """Return a side of `<size>`; 0 if it is missing or blank."""
    text = root.findtext(f"size/{tag}") or ""
    return _pixels(text, tag) if text.strip() else 0


def _number(parent: ElementTree.Element, tag: str) -> int:
    return _pixels(_child(parent, tag).text or "", tag)


def _pixels(text: str, tag: str) -> int:
    if not _NUMBER.fullmatch(text.strip()):
        raise _MalformedError(f"<{tag}> is not a number of pixels. Received: {text.strip()[:40]!r}")
    return half_up(float(text))


def half_up(number: float) -> int:
    """Round to the nearest whole number, and a half up."""
    return math.floor(number + 0.5)


def _child(parent: ElementTree.Element, tag: str) -> ElementTree.Element:
    child = parent.find(tag)
    if child is None:
        raise _MalformedError(f"<{parent.tag}> has no <{tag}>")
    return child
