"""What the pixels of a crop are."""

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin

from pedigree.crop.cutting import DECODED_FOR_CROPPED, crop_photo
from pedigree.errors import PedigreeError
from pedigree.photos.annotations import Box
from pedigree.photos.windows import StoredPhoto, Window, photo_window, square_around

RED, GREEN, BLUE, YELLOW = (200, 30, 40), (30, 160, 60), (40, 60, 190), (220, 200, 40)


def quarters(width, height):
    """Return a photo in four colours, so that it looks different each way it is turned."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, YELLOW
    return Image.fromarray(pixels)


def scene(width, height, seed=0):
    """Return a smooth picture with large and small edges, like a photo."""
    random = np.random.default_rng(seed)
    layers = [random.integers(0, 256, (n, n, 3), np.uint8) for n in (3, 9, 27)]
    grown = [np.asarray(Image.fromarray(a).resize((width, height), Image.Resampling.BICUBIC), float) for a in layers]
    picture = np.average(grown, axis=0, weights=[4, 2, 1])
    picture[height // 4 : height // 2, width // 3 : 2 * width // 3] = 255 - picture[height // 4 : height // 2, :1]
    return Image.fromarray(picture.astype(np.uint8))


def whole(path, size):
    with Image.open(path) as photo:
        window = photo_window(StoredPhoto(*photo.size), "pad")
    return crop_photo(path, [window], size)[0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("suffix", "tolerance"), [("png", 1), ("jpg", 6)])
def test_every_exif_orientation_gives_the_same_upright_dog(tmp_path, orientation, suffix, tolerance):
    upright = quarters(90, 60)
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"dog.{suffix}"
    stored.save(path, exif=exif, quality=95, subsampling=0)
    corners = whole(path, 16)[[2, 2, 13, 13], [2, 13, 2, 13]].astype(int)
    assert np.abs(corners - [RED, GREEN, BLUE, YELLOW]).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_cover_shows_the_upper_part_as_seen_at_every_orientation(tmp_path, orientation):
    upright = Image.new("RGB", (40, 200), BLUE)
    upright.paste(RED, (0, 0, 40, 100))
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = inverse
    upright.save(tmp_path / "upright.png", exif=exif)
    with Image.open(tmp_path / "upright.png") as photo:
        stored = ImageOps.exif_transpose(photo)
    exif[ExifTags.Base.Orientation] = orientation
    stored.save(tmp_path / "dog.png", exif=exif)
    crop = crop_photo(tmp_path / "dog.png", [photo_window(StoredPhoto(*stored.size, orientation), "cover")], 16)[0]
    assert (crop == RED).all()


def test_a_window_that_is_no_square_is_stretched(tmp_path):
    quarters(90, 60).save(tmp_path / "dog.png")
    crop = crop_photo(tmp_path / "dog.png", [photo_window(StoredPhoto(90, 60), "stretch")], 30)[0]
    assert (crop[[2, 2, 27, 27], [2, 27, 2, 27]] == [RED, GREEN, BLUE, YELLOW]).all()
    assert (crop[:10, :10] == RED).all()


def test_a_narrow_window_of_a_large_jpeg_keeps_enough_pixels_of_its_shorter_side(tmp_path):
    photo = scene(601, 403)
    photo.save(tmp_path / "dog.jpg", quality=92)
    with Image.open(tmp_path / "dog.jpg") as decoded:
        decoded.load()
        decoded.save(tmp_path / "dog.png")
    for window in (Window(0, 0, 601, 403), Window(11, 5, 80, 398)):
        reduced, full = (crop_photo(tmp_path / f"dog.{suffix}", [window], 32)[0] for suffix in ("jpg", "png"))
        assert np.abs(reduced.astype(int) - full).mean() < 1.5


def test_a_box_is_in_stored_pixels_before_the_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    quarters(90, 60).save(tmp_path / "dog.png", exif=exif)
    crop = crop_photo(tmp_path / "dog.png", [square_around(Box(60, 0, 80, 20), StoredPhoto(90, 60), 0.0)], 8)[0]
    assert (crop == GREEN).all()


def test_a_tiff_that_pillow_turns_itself_is_not_turned_twice(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ExifTags.Base.Orientation] = 6
    quarters(60, 60).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "dog.tif", tiffinfo=tags)
    corners = whole(tmp_path / "dog.tif", 16)[[2, 2, 13, 13], [2, 13, 2, 13]]
    assert (corners == [RED, GREEN, BLUE, YELLOW]).all()


def test_a_checkerboard_finer_than_the_crop_becomes_grey(tmp_path):
    board = np.indices((512, 512)).sum(0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "board.png")
    assert np.abs(whole(tmp_path / "board.png", 64).astype(int) - 127.5).max() <= 4


def test_a_square_is_cut_to_a_fraction_of_a_pixel(tmp_path):
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (100, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    here, there = crop_photo(tmp_path / "ramp.png", [Window(20, 20, 32, 32), Window(23.5, 20, 32, 32)], 8)[
        ..., 0
    ].astype(int)
    assert np.abs(there - here - 7).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(96, 32), (32, 96)])
def test_a_square_larger_than_the_photo_is_mirrored_at_the_edges(tmp_path, width, height):
    photo = scene(width, height)
    photo.save(tmp_path / "dog.png")
    square = square_around(Box(0, 0, width, height), StoredPhoto(width, height), padding=0.1)
    crop = crop_photo(tmp_path / "dog.png", [square], 96)[0]
    edges = ((32, 32), (0, 0), (0, 0)) if width > height else ((0, 0), (32, 32), (0, 0))
    assert np.array_equal(crop, np.pad(np.asarray(photo), edges, mode="symmetric"))


@pytest.mark.parametrize("fold", [(200, 20), (20, 200)])
def test_mirroring_repeats_if_the_photo_is_many_times_too_narrow(tmp_path, fold):
    quarters(*fold).save(tmp_path / "dog.png")
    square = square_around(Box(0, 0, *fold), StoredPhoto(*fold), padding=0.0)
    crop = crop_photo(tmp_path / "dog.png", [square], 50)[0]
    for pixel in crop[[2, 2, 47, 47], [2, 47, 2, 47]].astype(int):
        assert np.abs(np.subtract([RED, GREEN, BLUE, YELLOW], pixel)).max(1).min() <= 1


@pytest.mark.parametrize("side", [130, 260, 521, 1100])
def test_decoding_at_reduced_scale_changes_a_crop_by_few_levels(tmp_path, side):
    photo = scene(side + 40, side)
    photo.save(tmp_path / "dog.jpg", quality=92)
    with Image.open(tmp_path / "dog.jpg") as decoded:
        decoded.load()
        decoded.save(tmp_path / "dog.png")
    square = square_around(Box(20, 0, side + 20, side), StoredPhoto(side + 40, side), padding=0.1)
    reduced, full = (crop_photo(tmp_path / f"dog.{suffix}", [square], 32)[0].astype(int) for suffix in ("jpg", "png"))
    assert np.abs(reduced - full).mean() < 1.0
    assert np.abs(reduced - full).max() <= 16


def test_only_large_jpegs_are_decoded_at_reduced_scale(tmp_path, monkeypatch):
    scales = []
    draft = Image.Image.draft

    def recording_draft(self, mode, size):
        scales.append(self.width // size[0])
        return draft(self, mode, size)

    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.draft", recording_draft)
    photo = scene(600, 600)
    photo.save(tmp_path / "dog.jpg")
    for side in (63, 64, 127, 128, 255, 256, 600):
        crop_photo(tmp_path / "dog.jpg", [Window(0, 0, side, side)], 16)
    assert DECODED_FOR_CROPPED == 2.0
    assert scales == [2, 2, 4, 4, 8, 8]


def test_the_dogs_of_a_photo_come_in_order_from_one_decoding_fine_enough_for_the_smallest(tmp_path):
    quarters(400, 400).save(tmp_path / "dogs.jpg", quality=95, subsampling=0)
    squares = [Window(0, 0, 400, 400), Window(300, 10, 32, 32), Window(20, 220, 150, 150)]
    together = crop_photo(tmp_path / "dogs.jpg", squares, 32)
    alone = crop_photo(tmp_path / "dogs.jpg", squares[1:2], 32)
    assert np.array_equal(together[1], alone[0])
    assert np.abs(together[1].astype(int) - GREEN).max() <= 6
    assert np.abs(together[2].astype(int) - BLUE).max() <= 6


@pytest.mark.parametrize("content", [b"", b"not a photo", b"\xff\xd8\xff\xe0\x00\x10JFIF"])
def test_a_photo_that_does_not_decode_is_one_clear_error(tmp_path, content):
    (tmp_path / "dog.jpg").write_bytes(content)
    with pytest.raises(PedigreeError, match=r"dog\.jpg does not decode .*pedigree validate") as caught:
        crop_photo(tmp_path / "dog.jpg", [Window(0, 0, 10, 10)], 8)
    assert "\n" not in str(caught.value)
