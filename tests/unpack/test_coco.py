"""COCO boxes: they become Pascal VOC files, and name the breeds of photos that lie together."""

import json
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from packing import LIMITS, Files, pack_tar, pack_zip, tree
from PIL import Image

from pedigree.errors import PedigreeError
from pedigree.photos.annotations import Annotation, Box, Dog, read_annotation
from pedigree.photos.census import take_census
from pedigree.photos.split import read_split
from pedigree.unpack import coco as coco_module
from pedigree.unpack.stage import Unpacked, unpack

PHOTOS: Files = [("pug/1.jpg", b"1"), ("pug/2.jpg", b"2"), ("toy_terrier/3.jpg", b"3")]
FLAT: Files = [(f"images/{name.rpartition('/')[2]}", data) for name, data in PHOTOS]

# image_id, category_id, bbox
BOXES = [(11, 1, [10.4, 20.6, 30.2, 40]), (11, 1, [0, 0, 5, 5]), (12, 1, [1, 2, 3, 4]), (13, 7, [0.5, 0.5, 99.0, 79.4])]


def coco(boxes: list[Any] = BOXES, **changes: Any) -> dict[str, Any]:
    content = {
        "images": [{"id": 10 + n, "file_name": f"{n}.jpg", "width": 100, "height": 80} for n in (1, 2, 3)],
        "annotations": [
            {"id": number, "image_id": image, "category_id": category, "bbox": box}
            for number, (image, category, box) in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": "Pug"}, {"id": 7, "name": "toy terrier"}, {"id": 8, "name": "unused/../name"}],
    }
    return content | changes


def text(content: Any) -> bytes:
    return json.dumps(content).encode()


def unpacked(folder: Path, photos: Files, *files: tuple[str, bytes]) -> Unpacked:
    annotations = pack_zip(folder / "a.zip", files or [("annotations/instances.json", text(coco()))])
    return unpack(pack_tar(folder / "i.tar", photos), annotations, LIMITS, folder / "raw")


def error(folder: Path, photos: Files, *files: tuple[str, bytes]) -> str:
    with pytest.raises(PedigreeError) as raised:
        unpacked(folder, photos, *files)
    line = str(raised.value)
    assert line.isprintable() and line.endswith(".") and len(line) < 700 and not (folder / "raw").exists()
    return line


def images(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(folder / "raw").items() if name.startswith("Images/")}


def annotation(folder: Path, name: str) -> Annotation:
    return read_annotation(folder / "raw/Annotation" / name)


@pytest.mark.parametrize("root", ["", "Images/", "dogs/train/"])
def test_boxes_of_photos_in_breeds_folders_become_voc(root: str, tmp_path: Path) -> None:
    summary = unpacked(tmp_path, [(root + name, data) for name, data in PHOTOS])
    assert images(tmp_path) == {f"Images/{name}": data for name, data in PHOTOS}
    dogs = (Dog("Pug", Box(10, 21, 41, 61)), Dog("Pug", Box(0, 0, 5, 5)))
    assert annotation(tmp_path, "pug/1") == Annotation("", "1.jpg", 100, 80, dogs)
    assert annotation(tmp_path, "pug/2").dogs == (Dog("Pug", Box(1, 2, 4, 6)),)
    assert annotation(tmp_path, "toy_terrier/3").dogs == (Dog("toy terrier", Box(1, 1, 100, 80)),)
    assert summary == Unpacked(3, 2, 3, photos_without_annotation=0, annotations_without_photo=0, skipped=())


def test_the_census_finds_the_boxes_of_real_photos(tmp_path: Path) -> None:
    buffer = BytesIO()
    Image.new("RGB", (100, 80), "tan").save(buffer, "JPEG")
    unpacked(tmp_path, [(name, buffer.getvalue()) for name, _ in FLAT])
    census = take_census(tmp_path / "raw").set_index("photo")
    assert census.loc["Pug/1.jpg", "boxes"] == "[[10,21,41,61],[0,0,5,5]]"
    assert census.loc["toy terrier/3.jpg", "boxes"] == "[[1,1,100,80]]"
    assert set(census["box_problems"]) == {""} and census["usable"].all()


@pytest.mark.parametrize("root", ["", "images/", "dogs/images/"])
def test_photos_that_lie_together_go_to_the_folder_of_their_category(root: str, tmp_path: Path) -> None:
    summary = unpacked(tmp_path, [(root + name.rpartition("/")[2], data) for name, data in PHOTOS])
    assert images(tmp_path) == {
        **{"Images/Pug/1.jpg": b"1", "Images/Pug/2.jpg": b"2"},
        "Images/toy terrier/3.jpg": b"3",
    }
    assert annotation(tmp_path, "toy terrier/3").dogs[0].name == "toy terrier"
    assert (summary.photos, summary.breeds, summary.annotations, summary.photos_without_breed) == (3, 2, 3, 0)


def test_a_json_file_needs_no_archive(tmp_path: Path) -> None:
    (tmp_path / "boxes.JSON").write_bytes(b"\xef\xbb\xbf" + text(coco()))
    unpack(pack_tar(tmp_path / "i.tar", FLAT), tmp_path / "boxes.JSON", LIMITS, tmp_path / "raw")
    assert annotation(tmp_path, "Pug/2").dogs == (Dog("Pug", Box(1, 2, 4, 6)),)


def test_several_files_with_the_same_ids_are_joined_and_a_licence_is_an_other_file(tmp_path: Path) -> None:
    first, second = coco(), coco([(11, 7, [0, 0, 9, 9])])
    first["images"], first["annotations"] = first["images"][:2], first["annotations"][:3]
    second["images"] = [{"id": 11, "file_name": "3.jpg"}]
    files = [("x/instances_train.json", text(first)), ("x/instances_val.json", text(second)), ("x/LICENSE", b"")]
    summary = unpacked(tmp_path, FLAT, *files)
    assert images(tmp_path).keys() == {"Images/Pug/1.jpg", "Images/Pug/2.jpg", "Images/toy terrier/3.jpg"}
    assert annotation(tmp_path, "toy terrier/3") == Annotation(
        "", "3.jpg", 0, 0, (Dog("toy terrier", Box(0, 0, 9, 9)),)
    )
    assert summary.skipped == ("a.zip:x/LICENSE",)


def test_boxes_beside_photos_in_the_folders_of_a_split_belong_to_these_photos(tmp_path: Path) -> None:
    """As Roboflow exports them: one file per split, with names that both splits may use."""
    files: Files = []
    for split, category in (("train", 1), ("valid", 7)):
        content = coco([(11, category, [0, 0, 9, 9])], images=[{"id": 11, "file_name": "1.jpg"}])
        files += [(f"{split}/1.jpg", split.encode()), (f"{split}/_annotations.coco.json", text(content))]
    both = pack_zip(tmp_path / "both.zip", files)
    unpack(both, both, LIMITS, tmp_path / "raw")
    assert images(tmp_path) == {"Images/Pug/1.jpg": b"train", "Images/toy terrier/valid-1.jpg": b"valid"}
    assert annotation(tmp_path, "toy terrier/valid-1").filename == "valid-1.jpg"


def test_coco_s_own_folders_are_no_breeds(tmp_path: Path) -> None:
    photos = [("dogs/train2017/1.jpg", b"1"), ("dogs/train2017/2.jpg", b"2"), ("dogs/val2017/3.jpg", b"3")]
    unpacked(tmp_path, photos)
    assert images(tmp_path).keys() == {"Images/Pug/1.jpg", "Images/Pug/2.jpg", "Images/toy terrier/3.jpg"}


@pytest.mark.parametrize("name", ["pug/1.jpg", "./data/pug/1.jpg", "pug\\1.jpg", "C:\\data\\Images\\pug\\1.jpg"])
def test_a_file_name_with_folders_is_compared_from_its_end(name: str, tmp_path: Path) -> None:
    content = coco(BOXES[:1], images=[{"id": 11, "file_name": name}])
    photos = [("pug/1.jpg", b"1"), ("akita/1.jpg", b"2")]
    unpacked(tmp_path, photos, ("a.json", text(content)))
    assert annotation(tmp_path, "pug/1").dogs[0].box == Box(10, 21, 41, 61)
    assert not (tmp_path / "raw/Annotation/akita").exists()


def test_names_in_another_unicode_form_are_the_same(tmp_path: Path) -> None:
    content = coco(BOXES[:1], images=[{"id": 11, "file_name": normalize("NFC", "é.jpg")}])
    content["categories"][0]["name"] = normalize("NFD", "Épagneul")
    unpacked(tmp_path, [(normalize("NFD", "é.jpg"), b"1")], ("a.json", text(content)))
    assert images(tmp_path).keys() == {normalize("NFC", "Images/Épagneul/é.jpg")}
    assert annotation(tmp_path, normalize("NFC", "Épagneul/é")).dogs[0].name == normalize("NFC", "Épagneul")


@pytest.mark.parametrize("name", ["Pug & <Pug>", "</name><name>Boxer", "\"'&amp;", "\uff30ug\u200b犬🐕"])
def test_a_name_is_never_markup(name: str, tmp_path: Path) -> None:
    content = coco(BOXES[:2])
    content["categories"][0]["name"] = name
    folder = name.replace("/", "")
    unpacked(tmp_path, [(f"{folder}/1.jpg", b"1"), ("akita/2.jpg", b"2")], ("a.json", text(content)))
    (annotated,) = (path for path in (tmp_path / "raw/Annotation").rglob("1"))
    assert {dog.name for dog in read_annotation(annotated).dogs} == {name if name == folder else folder}


def test_in_breeds_folders_an_annotation_that_names_another_breed_keeps_that_name(tmp_path: Path) -> None:
    unpacked(tmp_path, PHOTOS, ("a.json", text(coco([(11, 7, [0, 0, 9, 9]), (12, 1, [0, 0, 9, 9])]))))
    assert annotation(tmp_path, "pug/1").dogs[0].name == "toy terrier"
    assert annotation(tmp_path, "pug/2").dogs[0].name == "Pug"


def test_boxes_of_a_category_that_is_no_breed_are_named_after_the_folder(tmp_path: Path) -> None:
    unpacked(
        tmp_path, PHOTOS, ("a.json", text(coco(categories=[{"id": 1, "name": "dog"}, {"id": 7, "name": "puppy"}])))
    )
    assert annotation(tmp_path, "toy_terrier/3").dogs == (Dog("toy_terrier", Box(1, 1, 100, 80)),)


def test_crowds_are_left_out(tmp_path: Path) -> None:
    content = coco()
    content["annotations"][1]["iscrowd"] = 1
    content["annotations"][1].update(category_id=7, bbox=None)
    content["annotations"][0]["iscrowd"] = 0
    unpacked(tmp_path, FLAT, ("a.json", text(content)))
    assert annotation(tmp_path, "Pug/1").dogs == (Dog("Pug", Box(10, 21, 41, 61)),)


def test_a_photo_without_a_box_is_annotated_as_empty_in_a_breed_s_folder_and_left_out_without_one(
    tmp_path: Path,
) -> None:
    without_first = ("a.json", text(coco(BOXES[2:])))
    summary = unpacked(tmp_path, PHOTOS, without_first)
    assert annotation(tmp_path, "pug/1") == Annotation("", "1.jpg", 100, 80, ())
    assert (summary.annotations, summary.photos_without_breed) == (3, 0)
    summary = unpacked(tmp_path, FLAT, without_first)
    assert images(tmp_path).keys() == {"Images/Pug/2.jpg", "Images/toy terrier/3.jpg"}
    assert (summary.annotations, summary.photos_without_breed) == (2, 1)


def test_a_photo_with_boxes_of_several_breeds_is_left_out_and_counted(tmp_path: Path) -> None:
    summary = unpacked(tmp_path, FLAT, ("a.json", text(coco([*BOXES, (11, 7, [0, 0, 5, 5])]))))
    assert images(tmp_path).keys() == {"Images/Pug/2.jpg", "Images/toy terrier/3.jpg"}
    assert (summary.photos, summary.photos_of_several_breeds, summary.photos_without_breed) == (2, 1, 0)
    assert "left out 1 photo with boxes of several breeds" in str(summary) and not summary.skipped


def test_photos_without_entry_and_entries_without_photo_are_counted(tmp_path: Path) -> None:
    summary = unpacked(tmp_path, [PHOTOS[0], ("pug/4.jpg", b""), PHOTOS[2]])
    assert (summary.annotations, summary.photos_without_annotation, summary.annotations_without_photo) == (2, 1, 1)


def test_beside_voc_files_a_json_file_is_an_other_file(tmp_path: Path) -> None:
    summary = unpacked(tmp_path, PHOTOS, ("pug/1.xml", b"voc"), ("pug/2.json", b"{}"))
    assert (tmp_path / "raw/Annotation/pug/1").read_bytes() == b"voc"
    assert summary.skipped == ("a.zip:pug/2.json",)


def test_sides_are_kept_for_photos_in_folders_of_a_split(tmp_path: Path) -> None:
    photos = [("train/1.jpg", b""), ("val/2.jpg", b"")]
    annotations = pack_zip(tmp_path / "a.zip", [("a.json", text(coco()))])
    unpack(pack_zip(tmp_path / "i.zip", photos), annotations, replace(LIMITS, split="keep"), tmp_path / "raw")
    assert read_split(tmp_path / "raw") == {"Pug/1.jpg": "train", "Pug/2.jpg": "holdout"}


def changed(where: str, number: int, **values: Any) -> Callable[[], bytes]:
    """Return a builder of a good file with values of one entry changed; `...` takes a value away."""

    def build() -> bytes:
        content = coco()
        content[where][number].update(values)
        content[where][number] = {key: value for key, value in content[where][number].items() if value is not ...}
        return text(content)

    return build


def without(key: str) -> Callable[[], bytes]:
    return lambda: text({name: value for name, value in coco().items() if name != key})


BAD: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "not-json": (b"images: 3", "cannot be read as JSON (Expecting value"),
    "empty": (b"", "cannot be read as JSON"),
    "cut": (text(coco())[:-9], "cannot be read as JSON"),
    "not-utf-8": (b'{"images": "\xff"}', "cannot be read as JSON ('utf-8' codec"),
    "deep": (b"[" * 200_000, "cannot be read as JSON"),
    "long-number": (b'{"images": ' + b"9" * 5000 + b"}", "cannot be read as JSON"),
    "list": (b"[]", "is not COCO with boxes: expected an object with images, annotations and categories"),
    "no-images": (without("images"), "expected a list 'images'"),
    "no-annotations": (without("annotations"), "is not COCO with boxes: expected a list 'annotations'"),
    "no-categories": (without("categories"), "expected a list 'categories'"),
    "images-object": (lambda: text(coco(images={})), "expected a list 'images'"),
    "entry-text": (lambda: text(coco(images=["1.jpg"])), "images[0] is not an object"),
    "image-no-id": (changed("images", 1, id=...), "images[1] has no id"),
    "image-id-list": (changed("images", 1, id=[1]), "images[1] has no id"),
    "image-id-true": (changed("images", 1, id=True), "images[1] has no id"),
    "image-id-twice": (changed("images", 1, id=11), "images[1] and images[0] have the same id 11"),
    "category-id-twice": (changed("categories", 1, id=1), "categories[1] and categories[0] have the same id 1"),
    "unknown-image": (changed("annotations", 2, image_id=99), "annotations[2] has the image_id 99, which no entry has"),
    "unknown-category": (
        changed("annotations", 2, category_id="1"),
        "annotations[2] has the category_id '1', which no",
    ),
    "no-image": (changed("annotations", 0, image_id=...), "annotations[0] has the image_id null"),
    "image-list": (changed("annotations", 0, image_id=[11]), "annotations[0] has the image_id [11]"),
    "image-true": (changed("annotations", 0, category_id=True), "annotations[0] has the category_id true"),
    "no-name": (changed("images", 0, file_name=...), "images[0] has no file_name. Received: null"),
    "folder-name": (changed("images", 0, file_name="a/"), "images[0] has no file_name. Received: 'a/'"),
    "dot-name": (changed("images", 0, file_name="./."), "images[0] has no file_name"),
    "text-width": (changed("images", 0, width="100"), "the width of images[0] is not a number of pixels"),
    "half-height": (changed("images", 0, height=80.5), "the height of images[0] is not a number of pixels"),
    "category-no-name": (changed("categories", 0, name=...), "categories[0] has no usable name. Received: null"),
    "category-spaces": (changed("categories", 0, name=" "), "categories[0] has no usable name"),
    "category-control": (
        changed("categories", 0, name="p\x0bug"),
        r"categories[0] has no usable name. Received: 'p\x0bug'",
    ),
    "category-surrogate": (changed("categories", 0, name="p\ud800"), r"Received: 'p\ud800'"),
    "category-not-xml": (changed("categories", 0, name="p\uffff"), r"Received: 'p\uffff'"),
    "no-box": (changed("annotations", 0, bbox=...), "the bbox of annotations[0] is not [x, y, width, height]"),
    "three-numbers": (changed("annotations", 0, bbox=[1, 2, 3]), "Received: [1, 2, 3]"),
    "five-numbers": (changed("annotations", 0, bbox=[1, 2, 3, 4, 5]), "Received: [1, 2, 3, 4, 5]"),
    "text-box": (changed("annotations", 0, bbox=["1", 2, 3, 4]), "the bbox of annotations[0]"),
    "true-box": (changed("annotations", 0, bbox=[True, 2, 3, 4]), "the bbox of annotations[0]"),
    "nan-box": (changed("annotations", 0, bbox=[float("nan"), 2, 3, 4]), "Received: [NaN, 2, 3, 4]"),
    "infinite-box": (changed("annotations", 0, bbox=[1, 2, float("inf"), 4]), "the bbox of annotations[0]"),
    "huge-box": (changed("annotations", 0, bbox=[1, 2, 10**400, 4]), "the bbox of annotations[0]"),
    "no-photo": (
        lambda: text(coco(images=[{"id": n, "file_name": f"x{n}.jpg"} for n in (11, 12, 13)])),
        "no file_name is",
    ),
    "other-folder": (
        lambda: text(coco(images=[{"id": n, "file_name": f"x/{n - 10}.jpg"} for n in (11, 12, 13)])),
        "no file_name is that of a photo in",
    ),
    "photo-twice": (changed("images", 1, file_name="1.jpg"), "photo 'images/1.jpg' is among the images twice"),
    "no-boxes": (lambda: text(coco([])), "no photo has boxes of exactly one category"),
    "category-parent": (changed("categories", 0, name=".."), "the breed '..' leads outside the folder"),
    "category-slash": (changed("categories", 0, name="pug/mix"), "the breed 'pug/mix' has a slash"),
    "category-case": (changed("categories", 1, name="PUG"), "'Pug' and 'PUG' differ only in case"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_file_is_an_error_of_one_line_that_names_it(fault: str, tmp_path: Path) -> None:
    content, message = BAD[fault]
    line = error(tmp_path, FLAT, ("x/boxes.json", content if isinstance(content, bytes) else content()))
    assert message in line and f"{tmp_path / 'a.zip'}: x/boxes.json" in line


def test_a_file_name_that_fits_two_photos_is_an_error(tmp_path: Path) -> None:
    line = error(tmp_path, [*PHOTOS, ("akita/1.jpg", b"")])
    assert "file_name '1.jpg' fits the photos 'akita/1.jpg' and 'pug/1.jpg'; write their folders into" in line


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco_module, "LARGEST_FILE", 1000)
    assert "a.json is larger than 1000 bytes" in error(tmp_path, PHOTOS, ("a.json", b"x" * 1001))


def test_a_table_of_breeds_beside_boxes_is_an_error(tmp_path: Path) -> None:
    line = error(tmp_path, FLAT, ("a.json", text(coco())), ("labels.csv", b"id,breed\n"))
    assert "holds both COCO boxes, 'a.json', and a table of breeds, 'labels.csv'; keep one of them" in line
