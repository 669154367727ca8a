"""Unpacking: every layout in every container gives the same files, and skipped files are reported."""

import os
import stat
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from conftest import ROOT
from packing import (
    BEAGLE,
    CHIHUAHUA,
    CONTAINERS,
    LAYOUTS,
    LIMITS,
    PHOTOS,
    VOC,
    add,
    below,
    expected,
    flat,
    pack_tar,
    pack_zip,
    tree,
)

from pedigree.settings.params import Unpack
from pedigree.unpack.stage import Unpacked, unpack

Packer = Callable[[Path, list[tuple[str, bytes]]], Path]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Return a target that already holds a file, in a folder that has no other files."""
    (tmp_path / "project/data/raw/Images/old").mkdir(parents=True)
    (tmp_path / "project/data/raw/Images/old/kept.jpg").write_bytes(b"old")
    return tmp_path / "project/data/raw"


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_in_every_container_gives_the_same_files(
    layout: str, container: str, tmp_path: Path, raw: Path
) -> None:
    photos, voc = LAYOUTS[layout]
    images = CONTAINERS[container](tmp_path / "named.wrongly", photos)
    annotations = None if voc is None else CONTAINERS[container](tmp_path / "too.jpg", voc)
    summary = unpack(images, annotations, LIMITS, raw)
    assert tree(raw) == expected(annotated=voc is not None)
    assert sorted(path.name for path in raw.iterdir()) == (["Images"] if voc is None else ["Annotation", "Images"])
    assert (summary.photos, summary.breeds, summary.annotations) == (4, 2, 4 if voc else 0)


@pytest.mark.parametrize("pack", [None, pack_zip, pack_tar])
def test_an_empty_archive_means_no_annotations(pack: Packer | None, tmp_path: Path, raw: Path) -> None:
    empty = pack(tmp_path / "empty", []) if pack else ROOT / "data" / "none.zip"
    summary = unpack(pack_tar(tmp_path / "i", below("Images/", PHOTOS)), empty, LIMITS, raw)
    assert tree(raw) == expected(annotated=False)
    assert summary.annotations == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_members_empty_folders_and_litter_do_not_matter(seed: int, tmp_path: Path, raw: Path) -> None:
    litter = ["__MACOSX/Images/._x.jpg", "Images/.DS_Store", f"Images/{BEAGLE}/._n02088364_77.png", "thumbs.db"]
    litter += [f"Images/{BEAGLE}/.hidden.jpg", f"Images/{BEAGLE}/@eaDir/a.jpg", "Images/.ipynb_checkpoints/b.jpg"]
    photos = [*below("Images/", PHOTOS), *((name, b"litter") for name in litter), ("Images/", b""), ("Images/x/", b"")]
    np.random.default_rng(seed).shuffle(photos)
    summary = unpack(pack_tar(tmp_path / "a", photos), pack_zip(tmp_path / "b", below("A/", VOC)), LIMITS, raw)
    assert tree(raw) == expected(annotated=True)
    assert summary.skipped == ()
    assert str(summary).splitlines()[1:] == ["ignored 7 hidden files of operating systems"]


def test_one_is_singular(tmp_path: Path, raw: Path) -> None:
    files = [("a/pug/1.jpg", b"x"), ("a/notes.txt", b""), ("a/.DS_Store", b"")]
    assert str(unpack(pack_tar(tmp_path / "a", files), None, LIMITS, raw)) == (
        "1 photo of 1 breed, 0 annotations\nskipped 1 other file: a:a/notes.txt\n"
        "ignored 1 hidden file of operating systems"
    )


@pytest.mark.parametrize("keep", [False, True])
def test_without_annotations_photos_may_share_a_stem(keep: bool, tmp_path: Path, raw: Path) -> None:
    sides = ("train/", "test/") if keep else ("",)
    files = [(f"{side}pug/a{suffix}", side.encode()) for side in sides for suffix in (".jpg", ".png")]
    limits = replace(LIMITS, split="keep" if keep else "merge")
    assert unpack(pack_tar(tmp_path / "a", files), None, limits, raw).photos == len(files)
    assert len(tree(raw / "Images")) == len(files)


def test_with_a_table_of_breeds_photos_may_share_a_stem(tmp_path: Path, raw: Path) -> None:
    files = [("a.jpg", b"1"), ("a.png", b"2"), ("labels.csv", b"id,breed\na.jpg,pug\na.png,pug\n")]
    unpack(pack_tar(tmp_path / "a", files), None, LIMITS, raw)
    assert tree(raw) == {"Images/pug/a.jpg": b"1", "Images/pug/a.png": b"2"}


@pytest.mark.parametrize("end", ["padding", "comment"])
def test_a_zip_may_end_with_padding_or_a_comment(end: str, tmp_path: Path, raw: Path) -> None:
    images = pack_zip(tmp_path / "i", below("Images/", PHOTOS))
    if end == "padding":
        images.write_bytes(images.read_bytes() + bytes(1000) + b"\n")
    else:
        with zipfile.ZipFile(images, "a") as archive:
            archive.comment = b"PK\3\4 is how a zip begins"
    unpack(images, None, LIMITS, raw)
    assert tree(raw) == expected(annotated=False)


def test_other_files_are_skipped_and_reported(tmp_path: Path, raw: Path) -> None:
    photos = [*below("Images/", PHOTOS), ("README.txt", b"read"), ("Images/lists.mat", b"mat")]
    voc = [*below("Annotation/", VOC), ("Annotation/LICENSE", b""), (f"Annotation/{BEAGLE}/notes.csv", b"")]
    summary = unpack(pack_tar(tmp_path / "i", photos), pack_tar(tmp_path / "a", voc), LIMITS, raw)
    others = ("a:Annotation/LICENSE", f"a:Annotation/{BEAGLE}/notes.csv", "i:Images/lists.mat", "i:README.txt")
    assert summary.skipped == others
    assert "skipped 4 other files" in str(summary) and "README.txt" in str(summary)
    assert tree(raw) == expected(annotated=True)


def test_photos_without_annotation_and_annotations_without_photo_are_counted(tmp_path: Path, raw: Path) -> None:
    voc = [*below("Annotation/", VOC)[1:], (f"Annotation/{BEAGLE}/orphan", b"<annotation/>")]
    images, annotations = pack_tar(tmp_path / "i", flat("all-dogs/")), pack_tar(tmp_path / "a", voc)
    summary = unpack(images, annotations, LIMITS, raw)
    assert summary == Unpacked(4, 2, 4, photos_without_annotation=1, annotations_without_photo=1, skipped=())
    assert "1 photo has no annotation" in str(summary) and "1 annotation has no photo" in str(summary)


def test_an_empty_folder_of_annotations_still_names_its_breed(tmp_path: Path, raw: Path) -> None:
    voc = [(f"Annotation/{CHIHUAHUA}/", b"")] + [item for item in below("Annotation/", VOC) if BEAGLE in item[0]]
    unpack(pack_zip(tmp_path / "i", flat("all-dogs/")), pack_tar(tmp_path / "a", voc), LIMITS, raw)
    assert {name for name in tree(raw) if name.startswith("Images")} == set(dict(below("Images/", PHOTOS)))


def test_dots_long_names_and_non_ascii_letters_are_kept(tmp_path: Path, raw: Path) -> None:
    breed = "Épagneul-" + "x" * 200
    photos, voc = [(f"w/{breed}/犬.v2.jpg", b"p")], [(f"{breed}/犬.v2", b"a"), (f"{breed}/other", b"")]
    for pack in (pack_tar, CONTAINERS["gnu"], pack_zip):
        unpack(pack(tmp_path / "i", photos), pack(tmp_path / "a", voc), LIMITS, raw)
        assert tree(raw).keys() == {
            f"Images/{breed}/犬.v2.jpg",
            f"Annotation/{breed}/犬.v2",
            f"Annotation/{breed}/other",
        }


@pytest.mark.parametrize("photo_form", ["NFC", "NFD"])
@pytest.mark.parametrize("annotation_form", ["NFC", "NFD"])
@pytest.mark.parametrize("pack", [pack_tar, CONTAINERS["gnu"], pack_zip])
def test_names_that_differ_only_in_unicode_form_are_the_same_name(
    photo_form: str, annotation_form: str, pack: Packer, tmp_path: Path, raw: Path
) -> None:
    photo, annotation = (normalize(form, "Épagneul/é") for form in (photo_form, annotation_form))
    images, annotations = pack(tmp_path / "i", [(f"{photo}.jpg", b"p")]), pack(tmp_path / "a", [(annotation, b"a")])
    summary = unpack(images, annotations, LIMITS, raw)
    assert tree(raw).keys() == {normalize("NFC", name) for name in ("Images/Épagneul/é.jpg", "Annotation/Épagneul/é")}
    assert (summary.photos_without_annotation, summary.annotations_without_photo) == (0, 0)


def test_files_are_readable_by_all_and_never_executable(tmp_path: Path, raw: Path) -> None:
    with tarfile.open(tmp_path / "i", "w") as archive:
        add(archive, "beagle/a.jpg", b"x", mode=0o4777)
        add(archive, "beagle/b.jpg", b"x", mode=0)
    mask = os.umask(0o077)
    try:
        unpack(tmp_path / "i", None, LIMITS, raw)
    finally:
        os.umask(mask)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (raw / "Images/beagle").iterdir()}
    assert modes == {0o644}


def test_an_archive_exactly_at_the_limits_is_unpacked(tmp_path: Path, raw: Path) -> None:
    total = sum(map(len, PHOTOS.values()))
    exact = Unpack(max_files=4, max_bytes=total, max_ratio=1.0)
    for name, pack in CONTAINERS.items():
        assert unpack(pack(tmp_path / "i", below("", PHOTOS)), None, exact, raw).photos == 4, name


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_memory_does_not_grow_with_the_size_of_a_member(mode: str, tmp_path: Path, raw: Path) -> None:
    files = [("beagle/large.jpg", bytes(30_000_000))]
    images = pack_zip(tmp_path / "i", files) if mode == "zip" else pack_tar(tmp_path / "i", files, mode=mode)
    del files
    tracemalloc.start()
    try:
        unpack(images, None, Unpack(max_files=1, max_bytes=30_000_000, max_ratio=1e9), raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (raw / "Images/beagle/large.jpg").stat().st_size == 30_000_000
    assert peak < 12_000_000  # the dictionary of xz alone takes 8 MiB


@pytest.mark.skipif(not (SHARED / "stanford4").is_dir(), reason="the real photos are not on this machine")
def test_real_archives_unpack_to_the_files_that_tarfile_reads(tmp_path: Path) -> None:
    images, annotations = SHARED / "stanford4/images.tar", SHARED / "stanford4/annotation.tar"
    limits = Unpack(max_files=200_000, max_bytes=10**10, max_ratio=100.0)
    summary = unpack(images, annotations, limits, tmp_path / "raw")
    files = {}
    for archive in (images, annotations):
        with tarfile.open(archive) as file:
            files |= {member.name: file.extractfile(member).read() for member in file if member.isfile()}
    assert tree(tmp_path / "raw") == files
    assert summary.photos == summary.annotations == len(files) / 2
    assert summary.photos_without_annotation == summary.annotations_without_photo == 0
