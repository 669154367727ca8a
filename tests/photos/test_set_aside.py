import pytest

from pedigree.errors import PedigreeError
from pedigree.photos.set_aside import problem_texts


def test_a_name_in_another_unicode_form_is_found() -> None:
    assert problem_texts({"pug/\u00e9.jpg": "a cat"}, ["pug/e\u0301.jpg"]) == {"pug/e\u0301.jpg": "set aside: a cat"}


def test_an_unknown_name_is_an_error_with_the_nearest_one() -> None:
    with pytest.raises(PedigreeError, match=r"no photo 'pug/b1\.jpg' \(nearest: 'pug/b\.jpg'\)"):
        problem_texts({"pug/b1.jpg": "a cat"}, ["pug/b.jpg", "boxer/x.png"])


def test_a_photo_named_in_two_unicode_forms_is_an_error() -> None:
    with pytest.raises(PedigreeError, match="names a photo twice"):
        problem_texts({"pug/\u00e9.jpg": "a cat", "pug/e\u0301.jpg": "a dog"}, ["pug/\u00e9.jpg"])
