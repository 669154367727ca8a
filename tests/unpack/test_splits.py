"""Breed folders in the folders of a split: they are merged, or kept as train and holdout."""

from dataclasses import replace
from pathlib import Path

import pytest
from packing import BEAGLE, CHIHUAHUA, LIMITS, PHOTOS, VOC, Files, below, expected, pack_tar, pack_zip, tree

from pedigree.errors import PedigreeError
from pedigree.photos.split import read_split
from pedigree.unpack.stage import Unpacked, unpack

KEEP = replace(LIMITS, split="keep")


def unpacked(folder: Path, photos: Files, annotations: Files | None = None, keep: bool = False) -> Unpacked:
    voc = None if annotations is None else pack_zip(folder / "a.zip", annotations)
    return unpack(pack_tar(folder / "i.tar", photos), voc, KEEP if keep else LIMITS, folder / "raw")


def error(folder: Path, photos: Files, annotations: Files | None = None, keep: bool = False) -> str:
    with pytest.raises(PedigreeError) as raised:
        unpacked(folder, photos, annotations, keep)
    line = str(raised.value)
    assert line.isprintable() and line.endswith(".") and not (folder / "raw").exists()
    return line


def content(folder: Path) -> dict[str, bytes]:
    return tree(folder / "raw")


def alternating(root: str, files: dict[tuple[str, str], bytes], folders: tuple[str, str]) -> Files:
    """Put the files of each breed into the two folders in turn."""
    return [(f"{root}{folders[number % 2]}/{name}", data) for number, (name, data) in enumerate(below("", files))]


TWINS = [("train/pug/1.jpg", b"a"), ("train/pug/2.jpg", b"b"), ("test/pug/1.jpg", b"c"), ("val/pug/1.png", b"d")]


@pytest.mark.parametrize("root", ["", "Images/", "dogs/Images/"])
@pytest.mark.parametrize("folders", [("train", "TEST"), ("Train", "valid"), ("validation", "train2017")])
def test_breeds_in_folders_of_a_split_are_merged(root: str, folders: tuple[str, str], tmp_path: Path) -> None:
    summary = unpacked(tmp_path, alternating(root, PHOTOS, folders), alternating("A/", VOC, folders))
    assert content(tmp_path) == expected(annotated=True)
    assert summary == Unpacked(4, 2, 4, photos_without_annotation=0, annotations_without_photo=0, skipped=())


@pytest.mark.parametrize("voc", [below("Annotation/", VOC), None])
def test_annotations_need_not_be_split_and_a_breed_may_be_on_one_side_only(voc: Files | None, tmp_path: Path) -> None:
    sides = {CHIHUAHUA: "train", BEAGLE: "test"}
    unpacked(tmp_path, [(f"{sides[breed]}/{breed}/{file}", data) for (breed, file), data in PHOTOS.items()], voc)
    assert content(tmp_path) == expected(annotated=voc is not None)


def test_annotations_may_be_split_where_photos_are_not(tmp_path: Path) -> None:
    unpacked(tmp_path, below("Images/", PHOTOS), alternating("Annotation/", VOC, ("train", "test")))
    assert content(tmp_path) == expected(annotated=True)


def test_the_later_of_two_photos_of_one_name_gets_its_split_s_name_and_its_annotation_follows(tmp_path: Path) -> None:
    voc = [(name.rpartition(".")[0] + ".xml", b"<" + data + b">") for name, data in TWINS]
    orphan = ("A/test/pug/2.xml", b"orphan")
    summary = unpacked(tmp_path, TWINS[::-1], [*((f"A/{name}", data) for name, data in voc), orphan])
    assert content(tmp_path) == {
        **{"Images/pug/1.jpg": b"a", "Images/pug/2.jpg": b"b"},
        **{"Images/pug/test-1.jpg": b"c", "Images/pug/val-1.png": b"d"},
        **{"Annotation/pug/1": b"<a>", "Annotation/pug/2": b"<b>"},
        **{"Annotation/pug/test-1": b"<c>", "Annotation/pug/val-1": b"<d>", "Annotation/pug/test-2": b"orphan"},
    }
    assert (summary.photos_without_annotation, summary.annotations_without_photo) == (0, 1)


def test_folders_of_two_years_are_told_apart(tmp_path: Path) -> None:
    photos = [("train/pug/1.jpg", b"a"), ("train2017/pug/1.jpg", b"b"), ("val2017/pug/1.jpg", b"c")]
    voc = [("train2017/pug/1", b"<b>"), ("train/pug/1", b"<a>"), ("val/pug/1", b"<c>")]
    unpacked(tmp_path, photos, voc, keep=True)
    assert content(tmp_path)["Annotation/pug/train2017-1"] == b"<b>"
    assert content(tmp_path)["Annotation/pug/val2017-1"] == b"<c>"
    assert content(tmp_path)["Images/pug/train2017-1.jpg"] == b"b"
    sides = {"pug/1.jpg": "train", "pug/train2017-1.jpg": "train", "pug/val2017-1.jpg": "holdout"}
    assert read_split(tmp_path / "raw") == sides


def test_an_annotation_never_becomes_that_of_a_photo_in_another_split(tmp_path: Path) -> None:
    photos = [("train/pug/1.jpg", b""), ("test/pug/1.jpg", b""), ("test/pug/5.jpg", b"")]
    voc = [("train/pug/5", b"<train 5>"), ("test/pug/5", b"<test 5>"), ("train/pug/test-1", b"<train test-1>")]
    summary = unpacked(tmp_path, photos, [*voc, ("val/pug/5", b"<val 5>")])
    assert content(tmp_path)["Annotation/pug/5"] == b"<test 5>"
    assert "Annotation/pug/test-1" not in content(tmp_path)
    assert (summary.annotations, summary.annotations_without_photo, summary.photos_without_annotation) == (4, 3, 2)


def test_other_files_of_one_name_in_two_splits_are_only_skipped(tmp_path: Path) -> None:
    others = [(f"A/{split}/pug/{name}", b"") for split in ("train", "test") for name in ("1.txt", "boxes.json")]
    summary = unpacked(tmp_path, [("pug/1.jpg", b"")], [("A/train/pug/1.xml", b"voc"), *others])
    assert content(tmp_path)["Annotation/pug/1"] == b"voc"
    assert len(summary.skipped) == 4


def test_two_annotations_of_one_photo_are_an_error(tmp_path: Path) -> None:
    voc = [("A/train/pug/1.xml", b""), ("A/test/pug/1.xml", b"")]
    line = error(tmp_path, [("pug/1.jpg", b""), ("akita/1.jpg", b"")], voc)
    assert "annotations 'A/train/pug/1.xml' and 'A/test/pug/1.xml' are of the same photo; remove one" in line


def test_a_new_name_never_takes_the_place_of_another_photo(tmp_path: Path) -> None:
    photos = [("train/pug/test-1.jpg", b"a"), *TWINS[:3], ("test/pug/test-1.jpg", b"e")]
    unpacked(tmp_path, photos)
    assert sorted(content(tmp_path).values()) == [b"a", b"a", b"b", b"c", b"e"]
    assert content(tmp_path)["Images/pug/test-1.jpg"] == b"a"


@pytest.mark.parametrize(
    "photos",
    [
        [("train/1.jpg", b""), ("bus/2.jpg", b"")],
        [("train/train/1.jpg", b""), ("test/train/2.jpg", b""), ("train/bus/2.jpg", b"")],
        [("train/1.jpg", b"")],
    ],
)
def test_train_can_be_the_name_of_a_breed(photos: Files, tmp_path: Path) -> None:
    unpacked(tmp_path, photos)
    assert "Images/train/1.jpg" in content(tmp_path)


def test_a_kept_split_names_the_side_of_every_photo(tmp_path: Path) -> None:
    photos = [*TWINS, ("train/Épagneul, bleu/x.jpg", b""), ("valid/Épagneul, bleu/y.jpg", b"")]
    summary = unpacked(tmp_path, photos, keep=True)
    assert (tmp_path / "raw/split.csv").read_text() == (
        "photo,split\npug/1.jpg,train\npug/2.jpg,train\npug/test-1.jpg,holdout\npug/val-1.png,holdout\n"
        '"Épagneul, bleu/x.jpg",train\n"Épagneul, bleu/y.jpg",holdout\n'
    )
    photos_on_disk = {name.removeprefix("Images/") for name in content(tmp_path) if name.startswith("Images/")}
    assert read_split(tmp_path / "raw").keys() == photos_on_disk
    assert summary.held_out == 3 and "split kept: 3 photos to train on, 3 held out" in str(summary)


def test_a_split_by_folders_of_photos_whose_names_tell_the_breed_is_kept(tmp_path: Path) -> None:
    photos = [
        (f"{folder}/{breed[:9]}_{folder}.jpg", b"") for folder in ("train", "test") for breed in (BEAGLE, CHIHUAHUA)
    ]
    unpacked(tmp_path, photos, below("Annotation/", VOC), keep=True)
    assert read_split(tmp_path / "raw") == {
        f"{breed}/{breed[:9]}_{folder}.jpg": side
        for folder, side in (("train", "train"), ("test", "holdout"))
        for breed in (BEAGLE, CHIHUAHUA)
    }


def test_a_merged_split_leaves_no_trace(tmp_path: Path) -> None:
    unpacked(tmp_path, TWINS)
    assert not (tmp_path / "raw/split.csv").exists()


BAD: dict[str, tuple[Files, str]] = {
    "not-split": (
        below("Images/", PHOTOS),
        "has no folders train, val, valid, validation or test, so it holds no split",
    ),
    "only-train": (below("train/", PHOTOS), f"no photos of breed '{CHIHUAHUA}' are held out"),
    "only-test": (below("test/", PHOTOS), f"no photos of breed '{CHIHUAHUA}' are to train on"),
    "one-breed": ([*TWINS, ("test/akita/1.jpg", b"")], "no photos of breed 'akita' are to train on"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_split_that_cannot_be_kept_is_an_error(fault: str, tmp_path: Path) -> None:
    photos, message = BAD[fault]
    line = error(tmp_path, photos, keep=True)
    assert message in line and line.endswith("set unpack.split to merge.")


def test_an_annotation_that_fits_photos_of_two_splits_is_an_error(tmp_path: Path) -> None:
    line = error(tmp_path, TWINS, [("Annotation/pug/1.xml", b"")])
    assert "annotation 'Annotation/pug/1.xml' fits photos of several splits" in line


def test_two_photos_of_one_stem_in_one_split_are_an_error_with_annotations(tmp_path: Path) -> None:
    line = error(tmp_path, [*TWINS, ("test/pug/1.gif", b"")], [("test/pug/2.xml", b"")])
    assert "'test/pug/1.gif' and 'test/pug/1.jpg' differ only in case or suffix" in line


def test_photos_directly_in_the_folders_of_a_split_have_no_breed(tmp_path: Path) -> None:
    line = error(tmp_path, [("train/1.jpg", b""), ("test/2.jpg", b"")])
    assert "the photos lie directly in 'test' and 'train', so their breeds are unknown" in line
