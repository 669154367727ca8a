"""Boxes are placed in the stored photo, also if it was resized or turned after it was annotated."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageDraw, ImageOps, TiffImagePlugin

from pedigree.photos.annotations import Annotation, Box, Dog
from pedigree.photos.boxes import at_another_size, stored_boxes
from pedigree.photos.census import take_census
from photos.test_census import PUG, put, row_of, voc

RED, GREEN = (220, 0, 0), (0, 140, 60)


def annotated(size: tuple[int, int], *boxes: Box) -> Annotation:
    return Annotation("", "", *size, tuple(Dog("pug", box) for box in boxes))


def placed(size: tuple[int, int], box: Box, stored: tuple[int, int], orientation: int = 1) -> tuple[Box, str]:
    """Return the one box in stored pixels and the note; there must be no problem."""
    found = stored_boxes(annotated(size, box), stored, orientation)
    assert found.problems == () and found.boxes is not None
    return found.boxes[0], found.note


BOX = Box(20, 40, 80, 100)


@pytest.mark.parametrize(
    ("size", "stored", "expected", "note"),
    [
        ((400, 400), (400, 400), BOX, ""),
        ((0, 0), (200, 200), BOX, ""),
        ((400, 400), (200, 200), Box(10, 20, 40, 50), "boxes scaled from 400 x 400 to 200 x 200"),
        ((400, 200), (800, 400), Box(40, 80, 160, 200), "boxes scaled from 400 x 200 to 800 x 400"),
        ((500, 333), (250, 167), Box(10, 20, 40, 50), "boxes scaled from 500 x 333 to 250 x 167"),
        ((500, 333), (250, 166), Box(10, 20, 40, 50), "boxes scaled from 500 x 333 to 250 x 166"),
        ((100, 133), (800, 1067), Box(160, 321, 640, 802), "boxes scaled from 100 x 133 to 800 x 1067"),
    ],
)
def test_boxes_are_scaled_if_both_sides_agree_within_a_pixel(
    size: tuple[int, int], stored: tuple[int, int], expected: Box, note: str
) -> None:
    assert placed(size, BOX, stored) == (expected, note)


@pytest.mark.parametrize("stored", [(200, 100), (400, 300), (200, 198), (300, 400), (1, 400)])
def test_boxes_of_another_picture_are_left_out(stored: tuple[int, int]) -> None:
    found = stored_boxes(annotated((400, 400), BOX), stored, 1)
    assert found.boxes is None and found.note == ""
    assert found.problems == (f"annotated at 400 x 400, the photo is {stored[0]} x {stored[1]}",)
    assert at_another_size(found.problems[0])


def test_the_faults_of_a_box_are_found_after_scaling() -> None:
    found = stored_boxes(annotated((400, 400), Box(0, 0, 400, 400), Box(0, 0, 402, 9), Box(7, 8, 8, 40)), (200, 200), 1)
    assert found.boxes == (Box(0, 0, 200, 200), Box(0, 0, 201, 5), Box(4, 4, 4, 20))
    assert found.problems == ("box 2 reaches outside the photo", "box 3 has no area")
    assert not at_another_size("; ".join(found.problems))


def upright_scene(width: int, height: int, box: Box) -> Image.Image:
    photo = Image.new("RGB", (width, height), GREEN)
    ImageDraw.Draw(photo).rectangle((box.xmin, box.ymin, box.xmax - 1, box.ymax - 1), fill=RED)
    return photo


def stored_as(upright: Image.Image, orientation: int) -> Image.Image:
    """Return the pixels that a camera stores with an EXIF orientation, so that viewers show `upright`."""
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = inverse
    file = io.BytesIO()
    upright.save(file, "PNG", exif=exif)
    return ImageOps.exif_transpose(Image.open(file))


def save(raw: Path, photo: Image.Image, orientation: int, annotation: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = io.BytesIO()
    photo.save(file, "PNG", exif=exif)
    put(raw, f"{PUG}/a.png", file.getvalue(), annotation)


def red(photo: Image.Image) -> Box:
    """Return the box around the red pixels."""
    rows, columns = np.nonzero((np.asarray(photo) == RED).all(axis=2))
    return Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_of_a_photo_annotated_upright_are_turned_into_stored_pixels(
    tmp_path: Path, orientation: int, factor: int
) -> None:
    box = Box(10, 6, 30, 50)
    stored = stored_as(upright_scene(90, 60, box), orientation)
    big = tuple(factor * side for side in (box.xmin, box.ymin, box.xmax, box.ymax))
    save(tmp_path, stored, orientation, voc(big, size=(90 * factor, 60 * factor)))
    row = row_of(tmp_path, f"{PUG}/a.png")
    assert (row["width"], row["height"], row["orientation"], row["box_problems"]) == (60, 90, orientation, "")
    assert Box(*json.loads(str(row["boxes"]))[0]) == red(stored)
    scaled = "scaled from 180 x 120 to 90 x 60 and " if factor == 2 else ""
    assert row["box_note"] == f"boxes {scaled}turned from 90 x 60 to 60 x 90"


@pytest.mark.parametrize(
    ("orientation", "size", "stored"),
    [(6, (60, 90), (60, 90)), (6, (80, 80), (80, 80)), (2, (60, 90), (60, 90)), (3, (60, 90), (60, 90))],
)
def test_boxes_are_in_stored_pixels_if_the_sizes_cannot_tell(
    orientation: int, size: tuple[int, int], stored: tuple[int, int]
) -> None:
    assert placed(size, Box(10, 6, 30, 50), stored, orientation) == (Box(10, 6, 30, 50), "")


def test_a_square_photo_that_was_resized_is_scaled_and_not_turned() -> None:
    expected = (Box(10, 20, 40, 50), "boxes scaled from 400 x 400 to 200 x 200")
    assert placed((400, 400), BOX, (200, 200), orientation=6) == expected


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_the_sides_are_swapped_only_by_an_orientation_that_swaps_them(orientation: int) -> None:
    assert stored_boxes(annotated((90, 60), BOX), (60, 90), orientation).boxes is None


def test_a_tiff_is_turned_by_pillow_so_its_upright_boxes_stay(tmp_path: Path) -> None:
    tags, box, file = TiffImagePlugin.ImageFileDirectory_v2(), Box(10, 6, 30, 50), io.BytesIO()
    tags[ExifTags.Base.Orientation] = 6
    stored_as(upright_scene(90, 60, box), 6).save(file, "TIFF", tiffinfo=tags)
    put(tmp_path, f"{PUG}/a.tif", file.getvalue(), voc((10, 6, 30, 50), size=(90, 60)))
    row = take_census(tmp_path).iloc[0]
    assert (row["width"], row["height"], row["orientation"]) == (90, 60, 1)
    assert (row["boxes"], row["box_problems"], row["box_note"]) == ("[[10,6,30,50]]", "", "")
