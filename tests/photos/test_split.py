from pathlib import Path
from unicodedata import normalize

import pytest

from pedigree.errors import PedigreeError
from pedigree.photos.split import read_split


def test_without_a_file_there_is_no_split(tmp_path: Path) -> None:
    assert read_split(tmp_path) == {}


def test_sides_are_read_by_photo_in_the_composed_form(tmp_path: Path) -> None:
    rows = f'photo,split\n"a, b/1.jpg",train\n{normalize("NFD", "é")}/2.jpg,holdout\n'
    (tmp_path / "split.csv").write_text(rows)
    assert read_split(tmp_path) == {"a, b/1.jpg": "train", "\xe9/2.jpg": "holdout"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "expected the columns photo and split"),
        (b"split,photo\n", "expected the columns"),
        (b"photo,split\na/1.jpg\n", "row 2 is ['a/1.jpg']"),
        (b"photo,split\na/1.jpg,train\na/2.jpg,test\n", "row 3 is ['a/2.jpg', 'test']"),
        (b"photo,split\n1.jpg,train\n", "row 2"),
        (b"photo,split\na/1.jpg,train\na/1.jpg,train\n", "row 3"),
        (b'photo,split\n"a/1.jpg,train\n', "unexpected end of data"),
        (b"photo,split\n\xff/1.jpg,train\n", "utf-8"),
    ],
)
def test_a_damaged_file_is_an_error_of_one_line(content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_bytes(content)
    with pytest.raises(PedigreeError) as raised:
        read_split(tmp_path)
    line = str(raised.value)
    assert problem in line and str(tmp_path / "split.csv") in line and line.isprintable()
    assert line.endswith("run `pedigree unpack` again.")
