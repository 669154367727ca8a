from pathlib import Path

import pytest

from pedigree.errors import PedigreeError
from pedigree.photos.set_aside import problems, read_set_aside


def test_names_and_reasons_are_read(tmp_path: Path) -> None:
    table = tmp_path / "aside.csv"
    table.write_text('\ufeffphoto, reason\npug/a.jpg,a cat\n\npug/é.jpg,"two dogs, no box"\n')
    assert read_set_aside(table) == {"pug/a.jpg": "a cat", "pug/é.jpg": "two dogs, no box"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the columns photo,reason"),
        ("photo\npug/a.jpg\n", "expected the columns photo,reason. Received: photo"),
        ("photo,reason\npug/a.jpg\n", "line 2 must have a photo and a reason"),
        ("photo,reason\npug/a.jpg,a cat, a dog\n", "line 2 must have a photo and a reason"),
        ("photo,reason\npug/a.jpg,\n", "line 2 must have a photo and a reason"),
        ("photo,reason\npug/a.jpg,a cat\npug/a.jpg,a dog\n", "line 3 names pug/a.jpg again"),
    ],
)
def test_a_table_that_cannot_be_understood_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "aside.csv"
    table.write_text(text)
    with pytest.raises(PedigreeError) as raised:
        read_set_aside(table)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_table_is_an_error_that_says_what_an_empty_one_is(tmp_path: Path) -> None:
    with pytest.raises(PedigreeError, match=r"An empty one is the line photo,reason\."):
        read_set_aside(tmp_path / "aside.csv")


def test_a_name_in_another_unicode_form_is_found_and_an_unknown_one_has_a_nearest(tmp_path: Path) -> None:
    assert problems({"pug/é.jpg": "a cat"}, ["pug/é.jpg"], tmp_path) == {"pug/é.jpg": "set aside: a cat"}
    with pytest.raises(PedigreeError, match=r"no photo 'pug/b1\.jpg' \(nearest: 'pug/b\.jpg'\)"):
        problems({"pug/b1.jpg": "a cat"}, ["pug/b.jpg", "boxer/x.png"], tmp_path)
