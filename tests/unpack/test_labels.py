"""A table of breeds beside photos that lie together, as in Kaggle's dog-breed-identification."""

from pathlib import Path
from unicodedata import normalize

import pytest
from packing import LIMITS, Files, pack_tar, pack_zip, tree

from pedigree.errors import PedigreeError
from pedigree.unpack import labels
from pedigree.unpack.stage import unpack

PHOTOS: Files = [("train/0a.jpg", b"1"), ("train/1b.jpg", b"2"), ("train/2c.jpg", b"3"), ("test/3d.jpg", b"4")]
TABLE = b"id,breed\n0a,boston_bull\n1b,dingo\n2c,boston_bull\n"
SUBMISSION = ("sample_submission.csv", b"id,boston_bull,dingo\n3d,0.5,0.5\n")
PLACED = {
    "Images/boston_bull/0a.jpg": b"1",
    "Images/boston_bull/2c.jpg": b"3",
    "Images/dingo/1b.jpg": b"2",
}


def error(folder: Path, table: bytes | str, photos: Files = PHOTOS) -> str:
    """Return the message for a table in the archive of the photos."""
    table = table if isinstance(table, bytes) else table.encode()
    with pytest.raises(PedigreeError) as raised:
        unpack(pack_zip(folder / "i.zip", [*photos, ("labels.csv", table)]), None, LIMITS, folder / "raw")
    line = str(raised.value)
    assert line.isprintable() and line.endswith(".") and not (folder / "raw").exists()
    return line


@pytest.mark.parametrize("pack", [pack_tar, pack_zip])
@pytest.mark.parametrize("root", ["", "dog-breed-identification/"])
def test_kaggle_s_archive_is_unpacked_by_its_table(root: str, pack: type, tmp_path: Path) -> None:
    files = [(root + name, data) for name, data in [*PHOTOS, ("labels.csv", TABLE), SUBMISSION]]
    images = pack(tmp_path / "dogs", files)
    summary = unpack(images, None, LIMITS, tmp_path / "raw")
    assert tree(tmp_path / "raw") == PLACED
    assert (summary.photos, summary.breeds, summary.annotations, summary.photos_without_breed) == (3, 2, 0, 1)
    assert summary.photos_without_annotation == 3 and "annotation" not in str(summary).partition("\n")[2]
    assert "left out 1 photo without a breed" in str(summary) and "3d.jpg" not in str(summary)


def test_kaggle_s_archive_can_be_both_archives(tmp_path: Path) -> None:
    images = pack_zip(tmp_path / "dogs.zip", [*PHOTOS, ("labels.csv", TABLE), SUBMISSION])
    summary = unpack(images, images, LIMITS, tmp_path / "raw")
    assert tree(tmp_path / "raw") == PLACED
    assert summary.skipped == ("dogs.zip:sample_submission.csv",)


@pytest.mark.parametrize("name", ["labels.csv", "Labels.CSV", "train/breeds.csv"])
def test_the_table_can_be_the_archive_of_annotations(name: str, tmp_path: Path) -> None:
    annotations = pack_tar(tmp_path / "a.tar", [(name, TABLE)])
    unpack(pack_zip(tmp_path / "i.zip", PHOTOS), annotations, LIMITS, tmp_path / "raw")
    assert tree(tmp_path / "raw") == PLACED


def test_the_table_needs_no_archive(tmp_path: Path) -> None:
    (tmp_path / "breeds.csv").write_bytes(TABLE)
    unpack(pack_zip(tmp_path / "i.zip", PHOTOS), tmp_path / "breeds.csv", LIMITS, tmp_path / "raw")
    assert tree(tmp_path / "raw") == PLACED


@pytest.mark.parametrize(
    "table",
    [
        b"\xef\xbb\xbfid,breed\r\n0a,boston_bull\r\n1b,dingo\r\n\r\n2c,boston_bull",  # saved by Excel
        b"breed,sex,ID\nboston_bull,f,0a\ndingo,m,1b\nboston_bull,,2c\n",
        b"id, breed \n0a.jpg,boston_bull\n 1b , dingo \n2c,boston_bull\n0a.jpg,boston_bull\n",
        b'"id","breed"\n"0a","boston_bull"\n"1b","dingo"\n"2c","boston_bull"\n',
    ],
)
def test_tables_as_programs_write_them_are_read(table: bytes, tmp_path: Path) -> None:
    unpack(pack_zip(tmp_path / "i.zip", [*PHOTOS, ("labels.csv", table)]), None, LIMITS, tmp_path / "raw")
    assert tree(tmp_path / "raw") == PLACED


def test_ids_and_breeds_in_another_unicode_form_are_the_same(tmp_path: Path) -> None:
    table = normalize("NFC", "id,breed\né1,Épagneul\n") + normalize("NFD", "é2,Épagneul\n")
    photos = [(normalize("NFD", "é1.jpg"), b"1"), (normalize("NFC", "é2.jpg"), b"2")]
    unpack(pack_zip(tmp_path / "i.zip", [*photos, ("labels.csv", table.encode())]), None, LIMITS, tmp_path / "raw")
    assert tree(tmp_path / "raw") == {normalize("NFC", f"Images/Épagneul/é{n}.jpg"): b"%d" % n for n in (1, 2)}


def test_beside_breeds_folders_the_table_is_an_other_file(tmp_path: Path) -> None:
    photos = [("a/0a.jpg", b"1"), ("b/1b.jpg", b"2"), ("labels.csv", TABLE)]
    summary = unpack(pack_zip(tmp_path / "i.zip", photos), None, LIMITS, tmp_path / "raw")
    assert tree(tmp_path / "raw") == {"Images/a/0a.jpg": b"1", "Images/b/1b.jpg": b"2"}
    assert summary.skipped == ("i.zip:labels.csv",)


BAD: dict[str, tuple[bytes | str, str]] = {
    "no-photo": ("id,breed\n0a,pug\n9z,pug\n", "1 of 2 ids have no photo in "),
    "no-photo-name": ("id,breed\n0a,pug\n9z,pug\n", "such as '9z'"),
    "two-breeds": ("id,breed\n0a,pug\n0a,dingo\n", "line 3: photo '0a' has the breeds 'pug' and 'dingo'"),
    "two-breeds-by-file": ("id,breed\n0a,pug\n0a.jpg,dingo\n", "has the breeds"),
    "no-breed-column": ("id,race\n0a,pug\n", "expected the columns id and breed, each once. Received: 'id, race'"),
    "no-id-column": ("breed\npug\n", "expected the columns"),
    "column-twice": ("id,breed,breed\n0a,pug,dingo\n", "expected the columns"),
    "semicolons": ("id;breed\n0a;pug\n", "Received: 'id;breed'"),
    "empty": ("", "expected the columns"),
    "no-rows": ("id,breed\n", "names no photo"),
    "no-breed": ("id,breed\n0a,\n", "line 2: the breed is empty"),
    "short-row": ("id,breed\n0a,pug\n1b\n", "line 3: the breed is empty"),
    "no-id": ("id,breed\n,pug\n", "line 2: the id is empty"),
    "latin-1": ("id,breed\n0a,Épagneul\n".encode("latin-1"), "is not UTF-8"),
    "utf-16": (TABLE.decode().encode("utf-16"), "is not UTF-8"),
    "open-quote": ('id,breed\n0a,"pug\n', "cannot be read as CSV"),
    "huge-field": ("id,breed\n0a," + "x" * 200_000, "cannot be read as CSV"),
    "slash": ("id,breed\n0a,pug/mix\n", "line 2: the breed 'pug/mix' has a slash"),
    "absolute": ("id,breed\n0a,/pug\n", "'/pug' is an absolute path"),
    "parent": ("id,breed\n0a,..\n", "'..' leads outside the folder"),
    "climbing": ("id,breed\n0a,../../pug\n", "leads outside the folder"),
    "dot": ("id,breed\n0a,.\n", "'.' is no name of a folder"),
    "backslash": ("id,breed\n0a,..\\pug\n", "has a backslash"),
    "control": ("id,breed\n0a,p\x07ug\n", r"'p\x07ug' has control characters"),
    "nul": ("id,breed\n0a,p\0ug\n", ""),
    "newline": ('id,breed\n0a,"p\nug"\n', r"'p\nug' has control characters"),
    "long": (f"id,breed\n0a,{'é' * 128}\n", "is too long"),
    "case": ("id,breed\n0a,Pug\n1b,pug\n", "'Pug' and 'pug' differ only in case"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_table_is_an_error_of_one_line_that_names_it(fault: str, tmp_path: Path) -> None:
    table, message = BAD[fault]
    line = error(tmp_path, table)
    assert message in line and f"{tmp_path / 'i.zip'}: labels.csv" in line


def test_an_id_of_two_photos_is_an_error(tmp_path: Path) -> None:
    line = error(tmp_path, TABLE, [*PHOTOS, ("test/0a.jpg", b"")])
    assert "id '0a' fits the photos 'test/0a.jpg' and 'train/0a.jpg'; rename or remove one" in line


def test_two_tables_are_an_error(tmp_path: Path) -> None:
    line = error(tmp_path, TABLE, [*PHOTOS, ("train/labels.csv", TABLE)])
    assert "holds several tables of breeds, 'labels.csv' and 'train/labels.csv'; keep one" in line


def test_several_tables_of_other_names_are_an_error(tmp_path: Path) -> None:
    annotations = pack_zip(tmp_path / "a.zip", [("one.csv", TABLE), ("two.csv", TABLE)])
    with pytest.raises(PedigreeError, match=r"a\.zip holds several tables of breeds, 'one\.csv' and 'two\.csv'"):
        unpack(pack_zip(tmp_path / "i.zip", PHOTOS), annotations, LIMITS, tmp_path / "raw")


def test_a_table_over_the_limit_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "LARGEST_FILE", len(TABLE) - 1)
    assert f"labels.csv is larger than {len(TABLE) - 1} bytes" in error(tmp_path, TABLE)


def test_a_file_without_archive_is_within_the_limits_too(tmp_path: Path) -> None:
    (tmp_path / "breeds.csv").write_bytes(b"x" * 5_000_001)
    with pytest.raises(PedigreeError, match=r"breeds\.csv: unpacks to more than 5000000 bytes"):
        unpack(pack_zip(tmp_path / "i.zip", PHOTOS), tmp_path / "breeds.csv", LIMITS, tmp_path / "raw")
