"""Unpacking a bad archive: an error of one line that says what is wrong and where; no file changes."""

import bz2
import dataclasses
import gzip
import lzma
import os
import stat
import struct
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damage import (
    GOOD,
    NAME,
    bomb,
    both,
    changed,
    content,
    flipped,
    hidden_zeros,
    huge_extension,
    many_extensions,
    mutated,
    tar_number,
    tar_of,
    tar_with,
    void,
    zip_field,
    zip_of,
    zip_with,
)
from packing import (
    BEAGLE,
    CHIHUAHUA,
    CONTAINERS,
    LIMITS,
    VOC,
    Files,
    below,
    expected,
    flat,
    pack_tar,
    pack_zip,
    tree,
)

from pedigree.errors import PedigreeError
from pedigree.unpack.stage import unpack


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Return a target that already holds a file, in a folder that has no other files."""
    (tmp_path / "project/data/raw/Images/old").mkdir(parents=True)
    (tmp_path / "project/data/raw/Images/old/kept.jpg").write_bytes(b"old")
    return tmp_path / "project/data/raw"


CENTRAL, LOCAL = b"PK\1\2", b"PK\3\4"
SPARSE = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9" * 12}

EMPTY_ZIP = b"PK\5\6" + bytes(18)


def joined(second: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Join a zip of one photo of 4,000 bytes, and what is made of a good zip."""

    def build(path: Path) -> None:
        good = pack_zip(path, GOOD).read_bytes()
        pack_zip(path, [(NAME, bytes(4000))], zipfile.ZIP_STORED)
        path.write_bytes(path.read_bytes() + second(good))

    return build


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    # not an archive
    "missing": (void, "is not here"),
    "folder": (lambda path: path.mkdir(), "is not a file"),
    "pipe": (lambda path: os.mkfifo(path), "is not a file"),
    "empty": (content(b""), "it is empty"),
    "photo": (content(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8), "neither tar"),
    "text": (content(b"not an archive\n" * 100), "neither tar"),
    "short": (content(b"\0\0"), "neither tar"),
    "gzip-of-photo": (lambda path: content(gzip.compress(b"\xff\xd8\xff" * 999))(path), "holds no tar"),
    "gzip-of-nothing": (lambda path: content(gzip.compress(b""))(path), "holds no tar"),
    "xz-of-zip": (lambda path: content(lzma.compress(b"PK\3\4" + bytes(90)))(path), "holds no tar"),
    "bzip2-of-text": (lambda path: content(bz2.compress(b"hello"))(path), "holds no tar"),
    # empty
    "tar-empty": (tar_of(), "holds no photos"),
    "zip-empty": (zip_of(), "holds no photos"),
    "no-photos": (tar_of("Images/beagle/x.txt", "Images/beagle/.jpg"), "holds no photos"),
    "only-litter": (tar_of("__MACOSX/beagle/x.jpg", "beagle/._x.jpg"), "holds no photos"),
    # names that lead outside
    "tar-absolute": (tar_with("/tmp/bad.jpg"), "'/tmp/bad.jpg' is an absolute path"),  # noqa: S108
    "zip-absolute": (zip_with("/tmp/bad.jpg"), "'/tmp/bad.jpg' is an absolute path"),  # noqa: S108
    "tar-dots": (tar_with("Images/../../../bad.jpg"), "'Images/../../../bad.jpg' leads outside"),
    "zip-dots": (zip_with("Images/../../bad.jpg"), "'Images/../../bad.jpg' leads outside"),
    "tar-dots-folder": (tar_with("../bad/", b""), "'../bad"),
    "litter-dots": (tar_with("../__MACOSX/bad"), "'../__MACOSX/bad' leads outside"),
    "backslash": (zip_with("..\\..\\bad.jpg"), "backslash"),
    "drive": (zip_with("C:bad/bad.jpg"), "'C:bad/bad.jpg' has a backslash or a drive letter"),
    "zip-nul": (changed("zip", lambda data: data.replace(b"_77.png", b"_7\0.png")), "_7\\x00.png"),
    "pax-nul": (tar_with(pax_headers={"path": f"Images/{BEAGLE}/b\0d.jpg"}), "b\\x00d.jpg"),
    "newline": (tar_with(f"Images/{BEAGLE}/b\nd.jpg"), "b\\nd.jpg"),
    "not-utf-8": (tar_with(f"Images/{BEAGLE}/b\udcffd.jpg"), "b\\udcffd.jpg"),
    "long-part": (tar_with(f"Images/{BEAGLE}/{'b' * 252}.jpg"), "too long"),
    "long-name": (zip_with("Images/" * 200 + "bad.jpg"), "too long"),
    "no-name": (tar_with("./."), "'./.'"),
    # not regular files
    "symlink": (tar_with(content=b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"), f"'{NAME}' is a symbolic link"),
    "hard-link": (tar_with(content=b"", type=tarfile.LNKTYPE, linkname=GOOD[0][0]), f"'{NAME}' is a hard link"),
    "device": (tar_with(content=b"", type=tarfile.CHRTYPE), f"'{NAME}' is a device"),
    "fifo": (tar_with(content=b"", type=tarfile.FIFOTYPE), f"'{NAME}' is a named pipe"),
    "odd-type": (tar_with(content=b"", type=b"Z"), f"'{NAME}' is of the unknown type"),
    "old-sparse": (tar_with(content=b"", type=tarfile.GNUTYPE_SPARSE), f"'{NAME}' is a sparse file"),
    "pax-sparse": (tar_with(pax_headers=SPARSE), f"'{NAME}' is a sparse file"),
    "zip-symlink": (zip_with(mode=stat.S_IFLNK | 0o777), f"'{NAME}' is a symbolic link"),
    "zip-device": (zip_with(mode=stat.S_IFBLK | 0o666), f"'{NAME}' is not a regular file"),
    # names that collide
    "twice": (tar_with(GOOD[0][0]), f"'{GOOD[0][0]}' is there twice"),
    "twice-by-dot": (tar_with("./" + GOOD[0][0]), f"'{GOOD[0][0]}' differ only"),
    "case-photo": (tar_with(GOOD[0][0].replace(".jpg", ".JPG")), "n02085620_199.JPG' and"),
    "case-breed": (tar_with(f"Images/{BEAGLE.upper()}/bad.jpg"), f"'{BEAGLE}' and '{BEAGLE.upper()}' differ only"),
    "accents": (
        tar_of("b/\u00e9.jpg", "b/e\u0301.jpg"),
        r"member 'b/e\u0301.jpg' and 'b/\xe9.jpg' differ only in Unicode form; remove or rename one.",
    ),
    "accents-and-case": (tar_of("b/\u00c9.jpg", "b/e\u0301.jpg"), "differ only in case"),
    "no-character": (tar_with(f"Images/{BEAGLE}/b\ufffed.jpg"), "b\\ufffed.jpg"),
    # unknown layouts
    "no-folder": (tar_of("a.jpg", "b.jpg"), "'a.jpg' lies in no folder"),
    "some-deeper": (tar_with("bad.jpg"), "'bad.jpg' lies in no folder"),
    "two-places": (tar_with(f"test/{BEAGLE}/bad.jpg"), f"'test/{BEAGLE}/bad.jpg'; put them"),
    "flat-alone": (lambda path: void(pack_tar(path, flat("all-dogs/"))), "set data.annotations"),
    # damage
    "tar-cut": (changed("pax", lambda data: data[:1500]), f"the middle of member '{GOOD[0][0]}'"),
    "tar-cut-header": (changed("pax", lambda data: data[:700]), "middle of member"),
    "tar-cut-clean": (changed("ustar", lambda data: data[: 512 + 3072]), "without the end mark"),
    "tar-first-header": (changed("ustar", flipped(5)), "is damaged (bad checksum)"),
    "tar-later-header": (changed("ustar", flipped(512 + 3072 + 5)), "is damaged (bad checksum)"),
    "tar-joined": (changed("ustar", lambda data: data + data), "several archives in one"),
    "tar-joined-with-zip": (changed("ustar", lambda data: data + EMPTY_ZIP), "several archives in one"),
    "zip-joined-with-tar": (changed("zip", lambda data: data + bytes(600) + b"n1/a.jpg"), "continues after its end"),
    "tar-negative": (changed("ustar", lambda data: tar_number(data, 0, slice(124, 136), b"\xff" * 12)), "claims '-1'"),
    "tar-lies": (
        changed("ustar", lambda data: tar_number(data, 0, slice(124, 136), b"%011o\0" % 999999)),
        "the middle",
    ),
    "pax-garbled": (tar_with(type=tarfile.XHDTYPE, content=b"99 path=x\n"), "extended header"),
    "gzip-cut": (changed("gzip", lambda data: data[:-2000]), "truncated"),
    "gzip-cut-end": (changed("gzip", lambda data: data[:-4]), "truncated"),
    "gzip-crc": (changed("gzip", flipped(-6)), "CRC"),
    "bzip2-cut": (changed("bzip2", lambda data: data[:-10]), "truncated"),
    "bzip2-damage": (changed("bzip2", flipped(2000)), "damaged"),
    "xz-cut": (changed("xz", lambda data: data[:-40]), "truncated"),
    "xz-damage": (changed("xz", flipped(2000)), "damaged"),
    "zip-cut": (changed("zip", lambda data: data[:2000]), "table of contents"),
    "zip-joined": (joined(lambda data: data), "leaves out the first 4"),
    "zip-joined-stored": (changed("zip-stored", lambda data: data + data), "several archives in one"),
    "zip-joined-empty": (joined(lambda data: EMPTY_ZIP), "several archives in one"),
    "zip-joined-after-empty": (changed("zip", lambda data: EMPTY_ZIP + data), "leaves out the first 22 bytes"),
    "zip-joined-cut": (joined(lambda data: data[:1500]), "continues after its end"),
    "zip-self-extracting": (changed("zip", lambda data: b"#!/bin/sh\n" + data), "neither tar"),
    "zip-crc": (changed("zip-stored", flipped(200)), f"'{GOOD[0][0]}' cannot be read"),
    "zip-encrypted": (
        changed("zip", both(zip_field(LOCAL, 6, "<H", 1), zip_field(CENTRAL, 8, "<H", 1))),
        f"'{GOOD[0][0]}' is encrypted",
    ),
    "zip-bzip2": (zip_with(method=zipfile.ZIP_BZIP2), f"'{NAME}' has compression method 12"),
    "zip-unknown": (changed("zip", zip_field(CENTRAL, 10, "<H", 99)), f"'{GOOD[0][0]}' has compression method 99"),
    "zip-other-name": (changed("zip", lambda data: data.replace(b"_199", b"_198", 1)), f"'{GOOD[0][0]}' cannot"),
    "zip-claims-more": (changed("zip", zip_field(CENTRAL, 24, "<I", 9999)), "its entry claims 9999"),
    "zip-claims-less": (changed("zip", zip_field(CENTRAL, 24, "<I", 9)), "CRC"),
    "zip-claims-huge": (changed("zip", zip_field(CENTRAL, 24, "<I", 4_000_000_000)), "unpack.max_bytes"),
    # bombs
    "bomb-gzip": (bomb("w:gz"), f"(reached at '{NAME}'); if you trust it, raise unpack.max_ratio"),
    "bomb-bzip2": (bomb("w:bz2"), "unpack.max_ratio"),
    "bomb-xz": (bomb("w:xz"), "unpack.max_ratio"),
    "bomb-zip": (lambda path: void(pack_zip(path, [(NAME, bytes(4_000_000))])), "unpack.max_ratio"),
    "bomb-litter": (lambda path: void(pack_tar(path, [("._x", bytes(4_000_000))], mode="w:gz")), "unpack.max_ratio"),
    "bomb-behind-end": (hidden_zeros, "unpack.max_ratio"),
    "bomb-extension": (huge_extension, "extended header"),
    "bomb-extensions": (many_extensions, "unpack.max_ratio"),
    "too-many-bytes": (bomb("w", 5_000_001), "unpack.max_bytes"),
    "too-many-folders": (tar_of(*(f"{number}/" for number in range(1001))), "more than 1000 folders"),
    "too-many-zip-folders": (zip_of(*(f"{number}/" for number in range(1001))), "more than 1000 folders"),
    "too-many-files": (tar_of(*(f"b/{number}.jpg" for number in range(1001))), "'b/1000.jpg'); if you trust it"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_archive_is_an_error_of_one_line_and_changes_no_file(fault: str, tmp_path: Path, raw: Path) -> None:
    build, message = BAD[fault]
    images = tmp_path / "bad-archive"
    build(images)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(PedigreeError) as raised:
        unpack(images, None, LIMITS, raw)
    line = str(raised.value)
    assert message in line
    assert str(images) in line and line.isprintable() and line.endswith(".") and len(line) < 600
    assert sorted(tmp_path.rglob("*")) == before
    assert tree(raw) == {"Images/old/kept.jpg": b"old"}


BAD_PAIRS: dict[str, tuple[Files, Files, str]] = {
    "no-annotations": (GOOD, [("README.txt", b"")], "holds no annotations"),
    "swapped": (below("Annotation/", VOC), GOOD, "holds no annotations"),
    "unknown-id": (flat("all-dogs/"), below("Annotation/", VOC)[:2], "For 'all-dogs/n02088364_77.png', expected"),
    "no-id": ([*flat("all-dogs/"), ("all-dogs/rex.jpg", b"")], below("", VOC), "For 'all-dogs/rex.jpg', expected"),
    "id-twice": (flat("all-dogs/"), [*below("", VOC), ("n02085620-Other/x", b"")], "n02085620-Other"),
    "stranger-folders": ([("Poodle/x.jpg", b"")], below("", VOC), "For 'Poodle/x.jpg', expected"),
    "stem-twice": (GOOD, [*below("", VOC), (f"{BEAGLE}/n02088364_77.xml", b"")], "n02088364_77.xml' differ only"),
    "breed-case": (GOOD, [*below("", VOC), (f"{BEAGLE.upper()}/x", b"")], f"'{BEAGLE}' and '{BEAGLE.upper()}'"),
    "breed-spelled-twice": (GOOD, [(f"{BEAGLE.upper()}/x", b""), (f"{CHIHUAHUA}/x", b"")], "use the same spelling"),
    "annotation-dots": (GOOD, [*below("", VOC), (f"{BEAGLE}/../../x", b"")], "leads outside"),
    "suffix": ([*GOOD, (GOOD[0][0].replace(".jpg", ".png"), b"")], below("", VOC), "n02085620_199.png' differ only"),
    "flat-suffix": (
        [*flat("a/"), ("b/n02085620_199.png", b"")],
        below("", VOC),
        "n02085620_199.png' differ only",
    ),
}


@pytest.mark.parametrize("fault", BAD_PAIRS)
def test_archives_that_do_not_belong_together_are_an_error_of_one_line(fault: str, tmp_path: Path, raw: Path) -> None:
    photos, voc, message = BAD_PAIRS[fault]
    images, annotations = pack_tar(tmp_path / "i.tar", photos), pack_zip(tmp_path / "a.zip", voc)
    with pytest.raises(PedigreeError) as raised:
        unpack(images, annotations, LIMITS, raw)
    assert message in str(raised.value) and str(raised.value).isprintable()
    assert tree(raw.parent) == {"raw/Images/old/kept.jpg": b"old"}


@pytest.mark.parametrize("file", ["..xml", "...xml"])
def test_the_name_of_an_annotation_never_becomes_a_parent_folder(file: str, tmp_path: Path, raw: Path) -> None:
    voc = [*below("Annotation/", VOC), (f"Annotation/{BEAGLE}/{file}", b"bad")]
    summary = unpack(pack_tar(tmp_path / "i", GOOD), pack_tar(tmp_path / "a", voc), LIMITS, raw)
    assert tree(raw) == expected(annotated=True)
    assert (summary.skipped, summary.litter) == ((), 1)


@pytest.mark.parametrize("bad", ["missing", "folder", "empty", "text"])
@pytest.mark.parametrize("second", [False, True])
def test_both_archives_are_checked_before_one_is_unpacked(
    bad: str, second: bool, tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, message = BAD[bad]
    build(tmp_path / "bad")
    good = pack_tar(tmp_path / "good", GOOD)
    monkeypatch.setattr("pedigree.unpack.stage.extract", lambda *_: pytest.fail("an archive is unpacked"))
    archives = (good, tmp_path / "bad") if second else (tmp_path / "bad", good)
    with pytest.raises(PedigreeError, match=message) as error:
        unpack(*archives, LIMITS, raw)
    assert str(tmp_path / "bad") in str(error.value)


def test_an_archive_inside_the_target_is_not_deleted(raw: Path) -> None:
    images = pack_tar(raw / "images.tar", GOOD)
    with pytest.raises(PedigreeError, match=r"images\.tar lies in .*move the archive"):
        unpack(images, None, LIMITS, raw)
    assert images.exists()


def test_a_file_at_the_path_of_the_target_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("mine")
    with pytest.raises(PedigreeError, match="is a file, but a folder is to be written"):
        unpack(pack_tar(tmp_path / "i", GOOD), None, LIMITS, tmp_path / "raw")
    assert (tmp_path / "raw").read_text() == "mine"


def test_a_target_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PedigreeError, match="cannot be written"):
        unpack(pack_tar(tmp_path / "i", GOOD), None, LIMITS, tmp_path / "file" / "raw")


def test_a_sparse_tar_of_a_terabyte_is_refused_before_it_is_read(tmp_path: Path, raw: Path) -> None:
    with (tmp_path / "hole.tar").open("wb") as file:
        member = tarfile.TarInfo(NAME)
        member.size = 10**12
        file.write(member.tobuf(tarfile.GNU_FORMAT))
        file.truncate(10**12 + 2048)
    with pytest.raises(PedigreeError, match="max_bytes"):
        unpack(tmp_path / "hole.tar", None, LIMITS, raw)


@pytest.mark.parametrize("container", CONTAINERS)
def test_random_damage_is_an_error_or_harmless_but_never_another_exception(
    container: str, tmp_path: Path, raw: Path
) -> None:
    data = CONTAINERS[container](tmp_path / "i", GOOD).read_bytes()
    random, errors = np.random.default_rng(0), 0
    for _ in range(40):
        before = tree(raw)
        (tmp_path / "i").write_bytes(mutated(data, random))
        try:
            unpack(tmp_path / "i", None, LIMITS, raw)
        except PedigreeError as error:
            errors += 1
            assert str(error).isprintable()
            assert tree(raw.parent) == {f"raw/{name}": content for name, content in before.items()}
    assert errors > 0


def _pax(name: str, content: bytes) -> bytes:
    """Return an extended header of a tar with this content."""
    header = tarfile.TarInfo(name)
    header.size, header.type = len(content), tarfile.XGLTYPE
    return header.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def test_extended_headers_with_many_records_take_time_and_memory_in_proportion(tmp_path: Path, raw: Path) -> None:
    records = b"".join(b"13 %05x=abc\n" % number for number in range(80_000))  # 1 MB; in quadratic time, half a minute
    pack_tar(tmp_path / "good.tar", GOOD)
    (tmp_path / "i.tar").write_bytes(_pax("many", records) * 10 + (tmp_path / "good.tar").read_bytes())
    start = time.perf_counter()
    unpack(tmp_path / "i.tar", None, LIMITS, raw)
    assert time.perf_counter() - start < 20
    assert tree(raw / "Images")


def test_a_table_of_contents_of_absurd_size_is_refused_before_it_is_read(tmp_path: Path, raw: Path) -> None:
    entry = zip_entry(b"n" * 200)
    with (tmp_path / "i.zip").open("wb") as file:
        file.write(b"PK\3\4")
        file.write(entry * 100_000)
        size = file.tell() - 4
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, size, 4, 0))
    start = time.perf_counter()
    with pytest.raises(PedigreeError, match=r"more than 100 files .*its table of contents.*unpack\.max_files"):
        unpack(tmp_path / "i.zip", None, dataclasses.replace(LIMITS, max_files=100), raw)
    assert time.perf_counter() - start < 0.3


def zip_entry(name: bytes) -> bytes:
    """Return an entry of a zip's table of contents."""
    return b"PK\1\2" + bytes(24) + struct.pack("<H", len(name)) + bytes(16) + name
