"""Portraits: which part of a photo, how it is cut, and that only new ones are made."""

from pathlib import Path

import numpy as np
import pytest
from bounds import FOX, PUG
from PIL import Image, ImageDraw

from pedigree.errors import PedigreeError
from pedigree.photos.annotations import Box
from pedigree.photos.census import take_census
from pedigree.photos.windows import StoredPhoto
from pedigree.validate.portraits import Portrait, cut_portrait, largest_box, portrait_features


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ("", (0, 0, 100, 80)),
        ("[]", (0, 0, 100, 80)),
        ("[[10,20,30,40]]", (10, 20, 30, 40)),
        ("[[10,20,30,40],[5,5,50,30],[0,0,9,9]]", (5, 5, 50, 30)),
        ("[[-20,-10,60,200]]", (0, 0, 60, 80)),
        ("[[-500,0,10,80],[20,20,60,60]]", (20, 20, 60, 60)),  # the first is larger, but not inside the photo
        ("[[30,30,30,60],[120,0,150,40]]", (0, 0, 100, 80)),
    ],
)
def test_the_portrait_is_the_largest_box_inside_the_photo_or_all_of_it(
    boxes: str, expected: tuple[int, int, int, int]
) -> None:
    assert largest_box(boxes, StoredPhoto(100, 80)) == Box(*expected)


def quarters(width: int, height: int) -> Image.Image:
    """Draw red, green, blue and white quarters: upper left, upper right, lower left, lower right."""
    picture = Image.new("RGB", (width, height), "white")
    draw, across, down = ImageDraw.Draw(picture), width // 2, height // 2
    draw.rectangle((0, 0, across - 1, down - 1), "red")
    draw.rectangle((across, 0, width, down - 1), "lime")
    draw.rectangle((0, down, across - 1, height), "blue")
    return picture


def corners(portrait: np.ndarray) -> list[tuple[int, ...]]:
    """Return the colours of the four quarters' centres, rounded to 0 and 1."""
    near, far = len(portrait) // 4, 3 * len(portrait) // 4
    return [tuple(np.rint(portrait[y, x] / 255).astype(int)) for y in (near, far) for x in (near, far)]


RED, GREEN, BLUE, WHITE = (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)


@pytest.mark.parametrize("size", [16, 90])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_box_is_stretched_to_a_square(tmp_path: Path, form: str, size: int) -> None:
    path = tmp_path / "photo"
    quarters(400, 240).save(path, form, quality=95)
    whole = cut_portrait(path, Portrait("", "", StoredPhoto(400, 240), Box(0, 0, 400, 240)), size)
    assert (whole.shape, whole.dtype) == ((size, size, 3), np.uint8)
    assert corners(whole) == [RED, GREEN, BLUE, WHITE]
    right = cut_portrait(path, Portrait("", "", StoredPhoto(400, 240), Box(208, 8, 392, 232)), size)
    assert corners(right) == [GREEN, GREEN, WHITE, WHITE]


@pytest.mark.parametrize(("orientation", "expected"), [(3, [WHITE, BLUE, GREEN, RED]), (6, [BLUE, RED, WHITE, GREEN])])
def test_a_portrait_is_upright(tmp_path: Path, orientation: int, expected: list[tuple[int, ...]]) -> None:
    quarters(64, 40).save(tmp_path / "a.png")
    assert (
        corners(
            cut_portrait(tmp_path / "a.png", Portrait("", "", StoredPhoto(64, 40, orientation), Box(0, 0, 64, 40)), 32)
        )
        == expected
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    highest = np.uint16(65535) if mode == "I;16" else np.uint8(255)
    Image.fromarray(np.full((10, 20), highest)).convert(mode).save(tmp_path / "a.png")
    portrait = cut_portrait(tmp_path / "a.png", Portrait("", "", StoredPhoto(20, 10), Box(0, 0, 20, 10)), 8)
    assert portrait.shape == (8, 8, 3) and portrait.min() == 255


def test_a_jpeg_that_is_decoded_smaller_gives_almost_the_same_portrait(tmp_path: Path) -> None:
    rough = np.random.default_rng(0).integers(0, 256, (12, 15, 3), dtype=np.uint8)
    photo = Image.fromarray(rough).resize((1500, 1200), Image.Resampling.BICUBIC)
    photo.save(tmp_path / "a.jpg", quality=98)
    photo.save(tmp_path / "a.png")
    portrait = Portrait("", "", StoredPhoto(1500, 1200), Box(301, 203, 1299, 1101))
    small, full = (cut_portrait(tmp_path / f"a.{form}", portrait, 100).astype(int) for form in ("jpg", "png"))
    assert np.abs(small - full).mean() < 1.5


def test_a_photo_that_does_not_decode_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    with pytest.raises(PedigreeError, match=r"a\.jpg does not decode .*: run `pedigree unpack` again\.$"):
        cut_portrait(tmp_path / "a.jpg", Portrait("", "", StoredPhoto(9, 9), Box(0, 0, 9, 9)), 8)


class Means:
    """An extractor of mean colours that counts the pictures it is given."""

    name, image_size, dimension, fingerprint = "means", 8, 3, "one"

    def __init__(self) -> None:
        self.computed = 0

    def features(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        self.computed += len(images)
        return images.mean(axis=(1, 2), dtype=np.float32)


def test_of_many_photos_each_gets_its_own_features_and_only_new_ones_are_computed(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (150, 3), dtype=np.uint8)
    for number, colour in enumerate(colours):
        path = tmp_path / "Images" / (PUG, FOX)[number % 2] / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 9), tuple(colour.tolist())).save(path)
    photos = take_census(tmp_path)
    order = [int(Path(name).stem) for name in photos["photo"]]

    def features(rows: object) -> tuple[np.ndarray, int]:
        extractor = Means()
        return portrait_features(rows, tmp_path, extractor, tmp_path / "cache"), extractor.computed

    first, computed = features(photos.iloc[:140])
    assert computed == 140
    np.testing.assert_array_equal(first, colours[order[:140]])
    every, computed = features(photos)
    assert computed == 10
    np.testing.assert_array_equal(every, colours[order])
    renamed = photos.assign(photo="gone/" + photos["photo"])
    assert features(renamed)[1] == 0
    moved = photos.assign(boxes=["[[1,1,5,5]]", *photos["boxes"][1:]])
    assert features(moved)[1] == 1
