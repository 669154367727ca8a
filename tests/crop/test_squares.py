"""Where the square around a box lies, and what its pixels are."""

import numpy as np
import pytest
from PIL import ExifTags, Image, TiffImagePlugin

from pedigree.crop.squares import (
    DECODED_FOR_CROPPED,
    Square,
    central_square,
    clipped,
    crop_photo,
    reason_to_skip,
    square_around,
)
from pedigree.errors import PedigreeError
from pedigree.photos.annotations import Box

RED, GREEN, BLUE, YELLOW = (200, 30, 40), (30, 160, 60), (40, 60, 190), (220, 200, 40)


def random_case(seed):
    """Return the size of a photo, a box inside it and a padding, at random."""
    random = np.random.default_rng(seed)
    width, height = (int(n) for n in random.integers(1, 500, 2))
    xmin, ymin = int(random.integers(0, width)), int(random.integers(0, height))
    box = Box(xmin, ymin, int(random.integers(xmin + 1, width + 1)), int(random.integers(ymin + 1, height + 1)))
    return width, height, box, float(random.choice([0.0, 0.1, 0.5, 1.0]))


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
        square = central_square(*photo.size)
    return crop_photo(path, [square], size)[0]


@pytest.mark.parametrize("seed", range(60))
def test_a_square_lies_inside_the_photo_unless_the_box_alone_is_too_long_for_it(seed):
    width, height, box, padding = random_case(seed)
    square = square_around(box, width, height, padding)
    longer = max(box.width, box.height)
    if longer <= min(width, height):
        assert square.xmin >= 0
        assert square.ymin >= 0
        assert square.xmin + square.side <= width + 1e-9
        assert square.ymin + square.side <= height + 1e-9
    else:
        assert square.side == longer


@pytest.mark.parametrize("seed", range(60))
def test_a_square_holds_the_whole_box_and_all_its_padding_if_the_photo_is_large_enough(seed):
    width, height, box, padding = random_case(seed)
    square = square_around(box, width, height, padding)
    assert square.xmin <= box.xmin + 1e-9
    assert square.ymin <= box.ymin + 1e-9
    assert square.xmin + square.side >= box.xmax - 1e-9
    assert square.ymin + square.side >= box.ymax - 1e-9
    grown = max(box.width, box.height) * (1 + 2 * padding)
    assert square.side <= grown + 1e-9
    if grown <= min(width, height):
        assert square.side == pytest.approx(grown)


@pytest.mark.parametrize("seed", range(60))
def test_a_square_larger_than_the_photo_spans_its_shorter_side_and_stays_inside_the_other(seed):
    width, height, box, padding = random_case(seed)
    square = square_around(box, width, height, padding)
    for start, length in ((square.xmin, width), (square.ymin, height)):
        if square.side > length:
            assert start <= 0
            assert start + square.side >= length
        else:
            assert start >= 0
            assert start + square.side <= length + 1e-9


def test_a_square_is_centred_on_a_box_far_from_the_edges():
    assert square_around(Box(100, 120, 180, 160), 400, 400, padding=0.25) == Square(80, 80, 120)


def test_a_square_is_shifted_and_not_shrunk_at_a_corner():
    assert square_around(Box(0, 0, 40, 20), 300, 200, padding=0.1) == Square(0, 0, 48)
    assert square_around(Box(260, 180, 300, 200), 300, 200, padding=0.1) == Square(252, 152, 48)


def test_padding_is_reduced_before_anything_is_mirrored():
    assert square_around(Box(10, 0, 210, 190), 400, 200, padding=0.2) == Square(10, 0, 200)


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 301), (64, 64), (1, 9)])
def test_a_whole_frame_is_the_largest_square_at_the_centre(width, height):
    square = central_square(width, height)
    assert square.side == min(width, height)
    assert 2 * square.xmin + square.side == width
    assert 2 * square.ymin + square.side == height


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (Box(10, 10, 34, 34), ""),
        (Box(10, 10, 33, 90), "shorter side under 24 px"),
        (Box(0, 0, 24, 96), ""),
        (Box(0, 0, 97, 24), "more elongated than 4:1"),
        (Box(-50, 10, 10, 60), "shorter side under 24 px"),
        (Box(150, 10, 190, 60), "no area inside the photo"),
        (Box(60, 10, 20, 60), "no area inside the photo"),
        (Box(20, 20, 20, 60), "no area inside the photo"),
        (Box(-40, -40, 400, 400), ""),
    ],
)
def test_a_box_is_judged_by_its_part_inside_the_photo(box, reason):
    assert reason_to_skip(clipped(box, 100, 100), min_box=24, max_aspect=4.0) == reason


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


def test_a_box_is_in_stored_pixels_before_the_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    quarters(90, 60).save(tmp_path / "dog.png", exif=exif)
    crop = crop_photo(tmp_path / "dog.png", [square_around(Box(60, 0, 80, 20), 90, 60, 0.0)], 8)[0]
    assert (crop == GREEN).all()


def test_a_tiff_that_pillow_turns_itself_is_not_turned_twice(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ExifTags.Base.Orientation] = 6
    quarters(60, 60).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "dog.tif", tiffinfo=tags)
    corners = whole(tmp_path / "dog.tif", 16)[[2, 2, 13, 13], [2, 13, 2, 13]]
    assert (corners == [RED, GREEN, BLUE, YELLOW]).all()


@pytest.mark.parametrize(
    ("mode", "fill", "suffix", "expected"),
    [
        ("RGB", (10, 100, 200), "png", (10, 100, 200)),
        ("L", 77, "png", (77, 77, 77)),
        ("L", 77, "jpg", (77, 77, 77)),
        ("1", 1, "png", (255, 255, 255)),
        ("LA", (0, 128), "png", (127, 127, 127)),
        ("RGBA", (200, 0, 0, 0), "png", (255, 255, 255)),
        ("RGBA", (200, 0, 0, 255), "png", (200, 0, 0)),
        ("RGBA", (0, 0, 255, 128), "png", (127, 127, 255)),
        ("CMYK", (0, 255, 255, 0), "jpg", (255, 0, 0)),
        ("CMYK", (0, 0, 0, 255), "jpg", (0, 0, 0)),
        ("YCbCr", (76, 85, 255), "jpg", (254, 0, 0)),
        ("I;16", 65535, "png", (255, 255, 255)),
        ("I;16", 25700, "png", (100, 100, 100)),
        ("I;16", 200, "tif", (1, 1, 1)),
        ("I;16B", 25700, "tif", (100, 100, 100)),
        ("I", 25700, "tif", (100, 100, 100)),
    ],
)
def test_every_mode_gives_the_colour_that_viewers_show(tmp_path, mode, fill, suffix, expected):
    path = tmp_path / f"dog.{suffix}"
    Image.new(mode, (40, 30), fill).save(path)
    crop = whole(path, 16)
    assert crop.shape == (16, 16, 3)
    assert crop.dtype == np.uint8
    assert np.abs(crop.astype(int) - expected).max() <= (3 if suffix == "jpg" else 0)


@pytest.mark.parametrize("transparency", [None, 0, b"\x00\xff"])
def test_a_palette_gives_its_colours_and_white_where_it_is_transparent(tmp_path, transparency):
    photo = Image.new("P", (40, 40))
    photo.putpalette([10, 20, 30, 200, 100, 50])
    photo.paste(1, (20, 0, 40, 40))
    photo.save(tmp_path / "dog.png", **({} if transparency is None else {"transparency": transparency}))
    crop = whole(tmp_path / "dog.png", 40)
    assert tuple(crop[20, 35]) == (200, 100, 50)
    assert tuple(crop[20, 5]) == ((10, 20, 30) if transparency is None else (255, 255, 255))


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)
    Image.fromarray(np.tile(ramp, (64, 1))).save(tmp_path / "ramp.png")
    crop = whole(tmp_path / "ramp.png", 64)[0, :, 0]
    assert np.abs(crop - ramp / 257).max() <= 1


def test_a_checkerboard_finer_than_the_crop_becomes_grey(tmp_path):
    board = np.indices((512, 512)).sum(0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "board.png")
    assert np.abs(whole(tmp_path / "board.png", 64).astype(int) - 127.5).max() <= 4


def test_a_square_is_cut_to_a_fraction_of_a_pixel(tmp_path):
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (100, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    here, there = crop_photo(tmp_path / "ramp.png", [Square(20, 20, 32), Square(23.5, 20, 32)], 8)[..., 0].astype(int)
    assert np.abs(there - here - 7).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(96, 32), (32, 96)])
def test_a_square_larger_than_the_photo_is_mirrored_at_the_edges(tmp_path, width, height):
    photo = scene(width, height)
    photo.save(tmp_path / "dog.png")
    square = square_around(Box(0, 0, width, height), width, height, padding=0.1)
    crop = crop_photo(tmp_path / "dog.png", [square], 96)[0]
    edges = ((32, 32), (0, 0), (0, 0)) if width > height else ((0, 0), (32, 32), (0, 0))
    assert np.array_equal(crop, np.pad(np.asarray(photo), edges, mode="symmetric"))


@pytest.mark.parametrize("fold", [(200, 20), (20, 200)])
def test_mirroring_repeats_if_the_photo_is_many_times_too_narrow(tmp_path, fold):
    quarters(*fold).save(tmp_path / "dog.png")
    square = square_around(Box(0, 0, *fold), *fold, padding=0.0)
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
    square = square_around(Box(20, 0, side + 20, side), side + 40, side, padding=0.1)
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
        crop_photo(tmp_path / "dog.jpg", [Square(0, 0, side)], 16)
    assert DECODED_FOR_CROPPED == 2.0
    assert scales == [2, 2, 4, 4, 8, 8]


def test_the_dogs_of_a_photo_come_in_order_from_one_decoding_fine_enough_for_the_smallest(tmp_path):
    quarters(400, 400).save(tmp_path / "dogs.jpg", quality=95, subsampling=0)
    squares = [Square(0, 0, 400), Square(300, 10, 32), Square(20, 220, 150)]
    together = crop_photo(tmp_path / "dogs.jpg", squares, 32)
    alone = crop_photo(tmp_path / "dogs.jpg", squares[1:2], 32)
    assert np.array_equal(together[1], alone[0])
    assert np.abs(together[1].astype(int) - GREEN).max() <= 6
    assert np.abs(together[2].astype(int) - BLUE).max() <= 6


@pytest.mark.parametrize("content", [b"", b"not a photo", b"\xff\xd8\xff\xe0\x00\x10JFIF"])
def test_a_photo_that_does_not_decode_is_one_clear_error(tmp_path, content):
    (tmp_path / "dog.jpg").write_bytes(content)
    with pytest.raises(PedigreeError, match=r"dog\.jpg does not decode .*pedigree validate") as caught:
        crop_photo(tmp_path / "dog.jpg", [Square(0, 0, 10)], 8)
    assert "\n" not in str(caught.value)
