"""Boxes in pixels of the stored photo, also if the photo was resized or turned after it was annotated."""

from dataclasses import dataclass

from pedigree.photos.annotations import Annotation, Box, half_up
from pedigree.photos.exif import swaps_sides

Size = tuple[int, int]  # width and height in pixels

_OTHER_SIZE = "annotated at "


@dataclass(frozen=True)
class StoredBoxes:
    """The boxes of a photo.

    Attributes:
        boxes: in pixels of the stored photo, in the order of the annotation; None if the annotation is for another
            picture, so the boxes are unknown.
        note: how the boxes were corrected, in words; empty if they are as annotated.
        problems: what is wrong with the boxes, in words.
    """

    boxes: tuple[Box, ...] | None
    note: str
    problems: tuple[str, ...]


def stored_boxes(annotation: Annotation, stored: Size, orientation: int) -> StoredBoxes:
    """Return the boxes of a photo in its stored pixels.

    The sizes show whether the photo was changed after it was annotated:

    - `<size>` has the aspect of the stored photo: the boxes are scaled. One pixel of rounding is allowed, in the
      smaller of the two pictures.
    - `<size>` has the aspect of the upright photo, and the EXIF orientation (5 to 8) swaps the sides: the boxes are
      turned into stored pixels, and scaled.
    - Neither: the boxes are unknown, and the sizes are a problem.

    If the sizes do not decide this, the boxes are in stored pixels, as in Stanford Dogs. This concerns square photos,
    the orientations 2 to 4, and unknown sizes (0).

    Args:
        annotation: the annotation of the photo.
        stored: width and height of the photo as stored, before the EXIF orientation is applied.
        orientation: the EXIF orientation, from 1 to 8.
    """
    annotated = (annotation.width, annotation.height)
    boxes = tuple(dog.box for dog in annotation.dogs)
    if annotated == stored or 0 in annotated + stored:
        return StoredBoxes(boxes, "", _problems(boxes, stored))
    upright = stored[::-1] if swaps_sides(orientation) else stored
    target = min((stored, upright), key=lambda size: _misfit(annotated, size))
    if _misfit(annotated, target) > 1:
        return StoredBoxes(None, "", (f"{_OTHER_SIZE}{_words(annotated)}, the photo is {_words(stored)}",))
    scaled = tuple(_scaled(box, annotated, target) for box in boxes)
    turned = scaled if target == stored else tuple(_turned(box, stored, orientation) for box in scaled)
    return StoredBoxes(turned, _note(annotated, stored, target), _problems(turned, stored))


def at_another_size(box_problems: str) -> bool:
    """Return whether the text of a census's `box_problems` says that the annotation is for another picture."""
    return box_problems.startswith(_OTHER_SIZE)


def _misfit(annotated: Size, size: Size) -> float:
    """Return how much the sides differ after scaling `annotated` to `size`, in pixels of the smaller picture."""
    longer = annotated.index(max(annotated))
    scale = size[longer] / annotated[longer]
    return abs(size[1 - longer] - scale * annotated[1 - longer]) / max(1.0, scale)


def _scaled(box: Box, annotated: Size, size: Size) -> Box:
    across, down = size[0] / annotated[0], size[1] / annotated[1]
    return Box(
        half_up(box.xmin * across), half_up(box.ymin * down), half_up(box.xmax * across), half_up(box.ymax * down)
    )


def _turned(box: Box, stored: Size, orientation: int) -> Box:
    """Turn a box of the upright photo into stored pixels, for the orientations that swap the sides."""
    xmin, xmax, ymin, ymax = box.ymin, box.ymax, box.xmin, box.xmax
    if orientation in (7, 8):  # the upright photo's top is the stored photo's right side
        xmin, xmax = stored[0] - xmax, stored[0] - xmin
    if orientation in (6, 7):  # the upright photo's left side is the stored photo's bottom
        ymin, ymax = stored[1] - ymax, stored[1] - ymin
    return Box(xmin, ymin, xmax, ymax)


def _note(annotated: Size, stored: Size, target: Size) -> str:
    scaled = f"scaled from {_words(annotated)} to {_words(target)}" if annotated != target else ""
    turned = f"turned from {_words(target)} to {_words(stored)}" if target != stored else ""
    return f"boxes {' and '.join(filter(None, (scaled, turned)))}"


def _problems(boxes: tuple[Box, ...], stored: Size) -> tuple[str, ...]:
    return tuple(f"box {number} {fault}" for number, box in enumerate(boxes, start=1) if (fault := _fault(box, stored)))


def _fault(box: Box, stored: Size) -> str:
    if box.width <= 0 or box.height <= 0:
        return "has no area"
    if min(box.xmin, box.ymin) < 0 or (0 not in stored and (box.xmax > stored[0] or box.ymax > stored[1])):
        return "reaches outside the photo"
    return ""


def _words(size: Size) -> str:
    return f"{size[0]} x {size[1]}"
