from pathlib import Path

import pytest
from conftest import ROOT

from pedigree.errors import PedigreeError
from pedigree.photos.annotations import LARGEST_FILE, Annotation, Box, Dog, read_annotation
from pedigree.settings.params import Unpack, load
from pedigree.unpack.stage import unpack

SHARED = ROOT.parent / "shared" / "data"

BOX = "<bndbox><xmin>10</xmin><ymin>20</ymin><xmax>110</xmax><ymax>70</ymax></bndbox>"
DOG = f"<object><name>Chihuahua</name>{BOX}</object>"
SIZE = "<size><width>500</width><height>375</height><depth>3</depth></size>"
HEAD = f"<folder>02085620</folder><filename>n02085620_7</filename>{SIZE}"
GOOD = f"<annotation>{HEAD}{DOG}</annotation>"


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "n02085620_7"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_every_dog_is_read_with_its_box(tmp_path: Path) -> None:
    second = DOG.replace("Chihuahua", "Pug").replace("<xmin>10<", "<xmin>30<")
    read = read_annotation(written(tmp_path, GOOD.replace(DOG, DOG + second)))
    dogs = (Dog("Chihuahua", Box(10, 20, 110, 70)), Dog("Pug", Box(30, 20, 110, 70)))
    assert read == Annotation("02085620", "n02085620_7", 500, 375, dogs)
    assert (read.dogs[0].box.width, read.dogs[0].box.height) == (100, 50)


def test_boxes_are_read_even_outside_the_photo_or_without_area(tmp_path: Path) -> None:
    wild = GOOD.replace("<xmin>10<", "<xmin>-10<").replace("<ymax>70<", "<ymax>20<").replace("110", "9000")
    assert read_annotation(written(tmp_path, wild)).dogs[0].box == Box(-10, 20, 9000, 20)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings_that_are_declared_are_read(tmp_path: Path, encoding: str) -> None:
    declared = "" if encoding.startswith("utf") else f'<?xml version="1.0" encoding="{encoding}"?>'
    text = declared + GOOD.replace("Chihuahua", "Löwchen")
    assert read_annotation(written(tmp_path, text.encode(encoding))).dogs[0].name == "Löwchen"


def test_a_photo_without_dogs_and_without_folder_is_read(tmp_path: Path) -> None:
    assert read_annotation(written(tmp_path, f"<annotation>{SIZE}</annotation>")) == Annotation("", "", 500, 375, ())


@pytest.mark.parametrize(
    ("text", "pixels"),
    [("20.0", 20), ("20.", 20), ("20.4", 20), ("20.5", 21), ("21.5", 22), ("20.999", 21), ("-0.4", 0), ("-1.6", -2)],
)
def test_decimals_are_rounded_to_the_nearest_pixel_and_halves_up(tmp_path: Path, text: str, pixels: int) -> None:
    read = read_annotation(written(tmp_path, GOOD.replace("<xmin>10<", f"<xmin>{text}<")))
    assert read.dogs[0].box == Box(pixels, 20, 110, 70)


@pytest.mark.parametrize(
    "size", ["", "<size/>", "<size><width/><height/></size>", "<size><width>0</width><height>0</height></size>"]
)
def test_a_missing_size_is_read_as_0(tmp_path: Path, size: str) -> None:
    read = read_annotation(written(tmp_path, GOOD.replace(SIZE, size)))
    assert (read.width, read.height, read.dogs[0].box) == (0, 0, Box(10, 20, 110, 70))


def test_a_size_with_a_decimal_point_is_read(tmp_path: Path) -> None:
    assert read_annotation(written(tmp_path, GOOD.replace("500", "500.0"))).width == 500


@pytest.mark.parametrize("swapped", [("xmin", "xmax"), ("ymin", "ymax")])
def test_swapped_corners_are_put_in_order(tmp_path: Path, swapped: tuple[str, str]) -> None:
    low, high = swapped
    box = BOX.replace(low, "other").replace(high, low).replace("other", high)
    assert read_annotation(written(tmp_path, GOOD.replace(BOX, box))).dogs[0].box == Box(10, 20, 110, 70)


ENTITIES = "<!DOCTYPE annotation [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>"

MALFORMED = {
    "empty": ("", "empty"),
    "blank": (" \n\t", "empty"),
    "not XML": ("10 20 110 70", "XML"),
    "a photo": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "XML"),
    "truncated": (GOOD[:-30], "XML"),
    "two roots": (GOOD + GOOD, "XML"),
    "wrong encoding": (GOOD.replace("Chihuahua", "Löwchen").encode("latin-1"), "XML"),
    "unknown encoding": ('<?xml version="1.0" encoding="klingon"?>' + GOOD, "klingon"),
    "encoding unknown to expat": ('<?xml version="1.0" encoding="shift_jis"?>' + GOOD, "XML"),
    "null byte": (GOOD.replace("500", "5\x000"), "XML"),
    "undefined entity": (GOOD.replace("Chihuahua", "&breed;"), "XML"),
    "entities": (ENTITIES + GOOD.replace("Chihuahua", "&b;"), "document type"),
    "external DTD": ("<!DOCTYPE annotation SYSTEM 'file:///etc/passwd'>" + GOOD, "document type"),
    "entities in UTF-16": ((ENTITIES + GOOD).encode("utf-16"), "document type"),
    "too large": (GOOD + "\n" * LARGEST_FILE, "larger"),
    "nested deeply": ("<annotation>" * 50_000, "XML"),
    "many objects": (
        GOOD.replace("</annotation>", "<object/>" * 100_000 + "</annotation>"),
        "objects, expected at most",
    ),
    "long name": (GOOD.replace("Chihuahua", "C" * 300), "300 characters"),
    "wrong root": ("<labels/>", "<labels>"),
    "size in words": (GOOD.replace("500", "wide"), "'wide'"),
    "negative size": (GOOD.replace("500", "-500"), "negative"),
    "no name": (GOOD.replace("<name>Chihuahua</name>", ""), "<name>"),
    "empty name": (GOOD.replace("Chihuahua", " "), "<name>"),
    "no box": (GOOD.replace(BOX, ""), "<bndbox>"),
    "no ymax": (GOOD.replace("<ymax>70</ymax>", ""), "<ymax>"),
    "empty xmin": (GOOD.replace("<xmin>10<", "<xmin><"), "<xmin>"),
    "word": (GOOD.replace("<xmin>10<", "<xmin>left<"), "'left'"),
    "decimal comma": (GOOD.replace("<xmin>10<", "<xmin>10,5<"), "'10,5'"),
    "two points": (GOOD.replace("<xmin>10<", "<xmin>10.5.1<"), "'10.5.1'"),
    "exponent": (GOOD.replace("<xmin>10<", "<xmin>1e2<"), "'1e2'"),
    "not a number": (GOOD.replace("<xmin>10<", "<xmin>nan<"), "'nan'"),
    "infinite": (GOOD.replace("<xmin>10<", "<xmin>inf<"), "'inf'"),
    "huge": (GOOD.replace("<xmin>10<", "<xmin>10000000000.0<"), "'10000000000.0'"),
    "underscored": (GOOD.replace("<xmin>10<", "<xmin>1_0<"), "'1_0'"),
    "endless": (GOOD.replace("<xmin>10<", f"<xmin>{'9' * 5000}<"), "<xmin>"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_annotation_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    content, clue = MALFORMED[kind]
    path = written(tmp_path, content)
    with pytest.raises(PedigreeError) as raised:
        read_annotation(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ") and clue in message
    assert "\n" not in message and len(message) < len(str(path)) + 150


def test_a_deep_annotation_that_is_closed_is_read(tmp_path: Path) -> None:
    deep = "<a>" * 700_000 + "</a>" * 700_000
    read = read_annotation(written(tmp_path, GOOD.replace("</annotation>", f"{deep}</annotation>")))
    assert read.dogs == read_annotation(written(tmp_path, GOOD)).dogs


def test_a_name_on_several_lines_is_one_line(tmp_path: Path) -> None:
    read = read_annotation(written(tmp_path, GOOD.replace("Chihuahua", "\n  Maltese\n\tdog \n")))
    assert read.dogs[0].name == "Maltese dog"


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path if kind == "folder" else tmp_path / "nothing"
    with pytest.raises(PedigreeError, match="cannot be read"):
        read_annotation(path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real photos are not on this machine")
def test_stanfords_own_annotations_are_read(tmp_path: Path) -> None:
    photos = SHARED / "stanford4"
    unpack(photos / "images.tar", photos / "annotation.tar", load(Unpack, ROOT / "params.yaml"), tmp_path)
    read = [read_annotation(path) for path in tmp_path.glob("Annotation/*/*")]
    assert len(read) == 738
    assert sum(len(annotation.dogs) for annotation in read) == 776
