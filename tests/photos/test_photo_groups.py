from pathlib import Path

import pytest
from PIL import Image

from pedigree.errors import PedigreeError
from pedigree.photos.census import take_census
from pedigree.photos.photo_groups import near_duplicate_photos, with_groups
from photos.test_census import PUG, encoded, put, voc
from photos.test_near_duplicates import picture

A, B, C, D = (f"{PUG}/{name}.jpg" for name in "abcd")


def groups(raw: Path, also: tuple[tuple[str, str], ...] = ()) -> dict[str, str]:
    grouped = with_groups(take_census(raw), raw, also).set_index("photo")["group"]
    return {photo: group for photo, group in grouped.items() if group}


def test_a_box_that_is_another_photo_joins_both_photos(tmp_path: Path) -> None:
    part = picture(0, (160, 120))
    whole = Image.new("RGB", (500, 400), "white")
    whole.paste(picture(1, (500, 400)))
    whole.paste(part, (300, 200))
    put(tmp_path, A, encoded(part, quality=95))
    put(tmp_path, B, encoded(whole, quality=95), voc((300, 200, 460, 320), size=(500, 400)))
    put(tmp_path, C, encoded(picture(2, (500, 400))), voc((300, 200, 460, 320), size=(500, 400)))
    assert groups(tmp_path) == {A: A, B: A}


def test_more_pairs_can_join_groups_and_copies_of_plain_pictures_are_grouped_by_their_bytes(tmp_path: Path) -> None:
    photo = picture(0)
    put(tmp_path, A, encoded(photo))
    put(tmp_path, B, encoded(photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    put(tmp_path, C, encoded(Image.new("RGB", (64, 64), "red")))
    put(tmp_path, D, encoded(Image.new("RGB", (64, 64), "red")))
    assert groups(tmp_path) == {A: A, B: A, C: C, D: C}
    assert groups(tmp_path, ((B, D),)) == dict.fromkeys((A, B, C, D), A)


def test_a_photo_that_changed_since_the_census_is_one_clear_error(tmp_path: Path) -> None:
    put(tmp_path, A, encoded(picture(0)))
    put(tmp_path, B, encoded(picture(0).crop((8, 0, 200, 144))))
    census = take_census(tmp_path)
    (tmp_path / "Images" / B).write_bytes(b"broken")
    with pytest.raises(PedigreeError, match=r"b\.jpg has changed since the census .*: run `pedigree validate` again"):
        near_duplicate_photos(census, tmp_path)
