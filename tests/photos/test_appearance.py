import io

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFilter

from pedigree.photos.appearance import SIDE, Appearance, appearance, decoded, small_luma
from pedigree.photos.exif import private_tags
from pedigree.photos.jpeg import decoder_warning, is_cut_short
from photos.test_near_duplicates import picture


def look(photo: Image.Image, form: str = "JPEG", **options: object) -> Appearance:
    file = io.BytesIO()
    photo.save(file, form, **options)
    colors = decoded(Image.open(file))
    return appearance(colors, small_luma(colors))


def test_a_jpeg_stored_as_rgb_is_measured_too() -> None:
    photo = picture(0)
    assert look(photo, keep_rgb=True).brightness == pytest.approx(look(photo).brightness, abs=0.01)


def test_black_and_white_are_the_ends_of_brightness() -> None:
    black, white = (look(Image.new("RGB", (200, 150), color), "PNG") for color in ("black", "white"))
    assert (black.brightness, black.contrast, black.entropy, black.sharpness, black.grey) == (0, 0, 0, 0, True)
    assert (white.brightness, white.entropy, white.grey) == (1, 0, True)


def test_two_levels_in_equal_parts_have_one_bit_and_the_largest_contrast() -> None:
    photo = Image.new("L", (200, 200), 0)
    photo.paste(255, (0, 0, 200, 100))
    seen = look(photo, "PNG")
    assert (seen.brightness, seen.contrast, seen.entropy) == pytest.approx((0.5, 0.5, 1), abs=0.02)


def test_a_blurred_photo_is_less_sharp_and_one_part_in_focus_is_enough() -> None:
    photo = picture(0, (320, 240))
    grain = np.random.default_rng(0).normal(0, 20, (240, 320, 1))
    photo = Image.fromarray(np.clip(np.asarray(photo) + grain, 0, 255).astype(np.uint8))
    blurred = photo.filter(ImageFilter.GaussianBlur(5))
    part = blurred.copy()
    part.paste(photo.crop((100, 60, 220, 180)), (100, 60))
    assert look(blurred).sharpness < 1.2 < 2 < look(part).sharpness
    assert look(part).sharpness == pytest.approx(look(photo).sharpness, rel=0.3)


def test_the_measures_hardly_depend_on_size_and_format() -> None:
    large, small = look(picture(0, (1200, 900))), look(picture(0, (300, 225)), "PNG")
    for name in ("brightness", "contrast", "entropy"):
        assert getattr(large, name) == pytest.approx(getattr(small, name), rel=0.03)


@pytest.mark.parametrize("quality", [30, 90])
def test_a_photo_without_colours_is_grey_also_if_it_is_stored_in_colour(quality: int) -> None:
    photo = picture(0)
    assert look(photo.convert("L").convert("RGB"), quality=quality).grey
    assert not look(photo, quality=quality).grey


def test_the_copy_is_small_but_not_enlarged() -> None:
    for size, expected in (((640, 480), (171, SIDE)), ((40, 30), (40, 30)), ((3000, 2), (3000, 2))):
        assert small_luma(Image.new("YCbCr", size)).size == expected
    assert look(Image.new("RGB", (1, 1)), "PNG").sharpness == 0


def encoded(photo: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    photo.save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_that_ends_early_with_an_end_mark_is_known(options: dict[str, object]) -> None:
    whole = encoded(picture(0), quality=90, **options)
    assert decoder_warning(whole) == ""
    half = whole[: len(whole) // 2] + b"\xff\xd9"
    with Image.open(io.BytesIO(half)) as photo:
        photo.load()  # Pillow says nothing
    assert is_cut_short(decoder_warning(half))


def test_other_warnings_do_not_mean_that_a_photo_is_incomplete() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    whole = bytearray(encoded(Image.fromarray(noise), quality=90))
    middle = len(whole) // 2
    whole[middle : middle + 200] = bytes(200)
    warning = decoder_warning(bytes(whole))
    assert warning and not is_cut_short(warning) and not warning[0].isdigit()


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_every_mode_of_jpeg_decodes_without_a_warning(mode: str) -> None:
    assert decoder_warning(encoded(picture(0).convert(mode))) == ""


def test_tags_that_name_a_place_or_a_person_are_listed() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ann"
    exif[ExifTags.Base.Make] = "a camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.CameraOwnerName] = "Ann"
    with Image.open(io.BytesIO(encoded(picture(0), exif=exif))) as photo:
        assert private_tags(photo) == "GPS; artist; owner"
    with Image.open(io.BytesIO(encoded(picture(0)))) as photo:
        assert private_tags(photo) == ""
