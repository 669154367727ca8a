"""Parts of photos: how they are cut, in which order, and their keys."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pedigree.errors import PedigreeError
from pedigree.photos.annotations import Box
from pedigree.photos.parts import BATCH, Part, cut_part, cut_parts, part_keys
from pedigree.photos.windows import StoredPhoto


def quarters(width: int, height: int) -> Image.Image:
    """Draw red, green, blue and white quarters: upper left, upper right, lower left, lower right."""
    picture = Image.new("RGB", (width, height), "white")
    draw, across, down = ImageDraw.Draw(picture), width // 2, height // 2
    draw.rectangle((0, 0, across - 1, down - 1), "red")
    draw.rectangle((across, 0, width, down - 1), "lime")
    draw.rectangle((0, down, across - 1, height), "blue")
    return picture


def corners(part: np.ndarray) -> list[tuple[int, ...]]:
    """Return the colours of the four quarters' centres, rounded to 0 and 1."""
    near, far = len(part) // 4, 3 * len(part) // 4
    return [tuple(np.rint(part[y, x] / 255).astype(int)) for y in (near, far) for x in (near, far)]


RED, GREEN, BLUE, WHITE = (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)


@pytest.mark.parametrize("size", [16, 90])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_box_is_stretched_to_a_square(tmp_path: Path, form: str, size: int) -> None:
    path = tmp_path / "photo"
    quarters(400, 240).save(path, form, quality=95)
    whole = cut_part(path, Part("", "", StoredPhoto(400, 240), Box(0, 0, 400, 240)), size)
    assert (whole.shape, whole.dtype) == ((size, size, 3), np.uint8)
    assert corners(whole) == [RED, GREEN, BLUE, WHITE]
    right = cut_part(path, Part("", "", StoredPhoto(400, 240), Box(208, 8, 392, 232)), size)
    assert corners(right) == [GREEN, GREEN, WHITE, WHITE]


@pytest.mark.parametrize(("orientation", "expected"), [(3, [WHITE, BLUE, GREEN, RED]), (6, [BLUE, RED, WHITE, GREEN])])
def test_a_part_is_upright(tmp_path: Path, orientation: int, expected: list[tuple[int, ...]]) -> None:
    quarters(64, 40).save(tmp_path / "a.png")
    assert (
        corners(cut_part(tmp_path / "a.png", Part("", "", StoredPhoto(64, 40, orientation), Box(0, 0, 64, 40)), 32))
        == expected
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    highest = np.uint16(65535) if mode == "I;16" else np.uint8(255)
    Image.fromarray(np.full((10, 20), highest)).convert(mode).save(tmp_path / "a.png")
    part = cut_part(tmp_path / "a.png", Part("", "", StoredPhoto(20, 10), Box(0, 0, 20, 10)), 8)
    assert part.shape == (8, 8, 3) and part.min() == 255


def test_a_jpeg_that_is_decoded_smaller_gives_almost_the_same_part(tmp_path: Path) -> None:
    rough = np.random.default_rng(0).integers(0, 256, (12, 15, 3), dtype=np.uint8)
    photo = Image.fromarray(rough).resize((1500, 1200), Image.Resampling.BICUBIC)
    photo.save(tmp_path / "a.jpg", quality=98)
    photo.save(tmp_path / "a.png")
    part = Part("", "", StoredPhoto(1500, 1200), Box(301, 203, 1299, 1101))
    small, full = (cut_part(tmp_path / f"a.{form}", part, 100).astype(int) for form in ("jpg", "png"))
    assert np.abs(small - full).mean() < 1.5


def test_a_photo_that_does_not_decode_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    with pytest.raises(PedigreeError, match=r"a\.jpg does not decode .*: run `pedigree unpack` again\.$"):
        cut_part(tmp_path / "a.jpg", Part("", "", StoredPhoto(9, 9), Box(0, 0, 9, 9)), 8)


def test_many_parts_come_in_order_and_in_batches(tmp_path: Path) -> None:
    shades = [3 * number for number in range(2 * BATCH + 5)]
    for shade in shades:
        Image.new("RGB", (6, 4), (shade, shade, shade)).save(tmp_path / f"{shade}.png")
    parts = [Part(f"{shade}.png", "", StoredPhoto(6, 4), Box(0, 0, 6, 4)) for shade in shades]
    batches = list(cut_parts(tmp_path, parts, 2))
    assert [batch.shape for batch in batches] == [(count, 2, 2, 3) for count in (BATCH, BATCH, 5)]
    assert np.concatenate(batches)[:, 0, 0, 0].tolist() == shades


def test_only_what_changes_the_pixels_changes_the_key() -> None:
    part = Part("pug/a.png", "one", StoredPhoto(6, 4), Box(0, 0, 6, 4))
    others = [
        replace(part, content="two"),
        replace(part, frame=StoredPhoto(6, 4, 3)),
        replace(part, box=Box(0, 0, 6, 3)),
    ]
    keys = [*part_keys([part, *others], 8), *part_keys([part], 9)]
    assert len(set(keys)) == 5
    assert part_keys([replace(part, photo="boxer/b.png")], 8) == keys[:1]
