"""Perceptual hashes, alignment and groups, on drawn pictures that are damaged as photos on the web are."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageEnhance

from pedigree.photos import near_duplicates as module
from pedigree.photos.near_duplicates import GRID, Indices, _aligned, _unmoved, candidates, groups, near_duplicates
from pedigree.photos.phash import BITS, blocks, phash, signs

COUNT = 60

Change = Callable[[Image.Image], Image.Image]


def picture(seed: int, size: tuple[int, int] = (200, 150)) -> Image.Image:
    """Draw smooth noise with details of several sizes, as photos have."""
    random = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(random.integers(0, 256, (side, side, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC),
            np.float32,
        )
        for side in (3, 6, 12, 24)
    ]
    mean = sum(weight * layer for weight, layer in zip((0.4, 0.3, 0.2, 0.1), layers, strict=True))
    return Image.fromarray(np.clip(1.6 * np.asarray(mean) - 77, 0, 255).astype(np.uint8))


def saved(photo: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality)
    return Image.open(file)


def cut(photo: Image.Image, left: float, top: float, share: float = 0.05) -> Image.Image:
    """Cut off `share` of both sides, `left` and `top` of it at these edges."""
    width, height = photo.size
    across, down = share * width, share * height
    box = (left * across, top * down, width - (1 - left) * across, height - (1 - top) * down)
    return photo.crop(tuple(round(end) for end in box))


DAMAGES: dict[str, Change] = {
    "saved again": lambda photo: saved(photo, 30),
    "half the size": lambda photo: photo.resize((photo.width // 2, photo.height // 2)),
    "another aspect": lambda photo: photo.resize((photo.width, photo.height * 9 // 10)),
    "mirrored": lambda photo: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "cut at all edges": lambda photo: cut(photo, 0.5, 0.5),
    "cut at a corner": lambda photo: cut(photo, 1, 0),
    "mirrored and cut": lambda photo: cut(photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 0.2, 0.8),
    "brighter": lambda photo: ImageEnhance.Brightness(photo).enhance(1.2),
    "less contrast": lambda photo: ImageEnhance.Contrast(photo).enhance(0.5),
    "grey": lambda photo: photo.convert("L").convert("RGB"),
}


def found(photos: list[Image.Image]) -> list[tuple[int, int]]:
    """Return the near-duplicates among photos."""
    luma = [photo.convert("L") for photo in photos]

    def pixels(needed: Indices) -> npt.NDArray[np.uint8]:
        return np.stack([blocks(luma[index], GRID) for index in needed])

    return sorted(near_duplicates([phash(blocks(one)) for one in luma], pixels, range(len(luma))))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_copy_is_found_among_others_and_nothing_else(damage: str) -> None:
    photos = [picture(seed) for seed in range(COUNT)]
    copies = [DAMAGES[damage](photo) for photo in photos[:8]]
    assert found([*photos, *copies]) == [(number, COUNT + number) for number in range(8)]


def test_different_photos_and_plain_surfaces_are_not_near_duplicates() -> None:
    plain = [Image.new("RGB", (64, 64), color) for color in ("black", "white", "red", "black")]
    assert found([*(picture(seed) for seed in range(COUNT)), *plain]) == []
    assert found(plain) == found([]) == []


def test_a_drawing_of_few_levels_has_no_hash() -> None:
    drawing = Image.new("L", (100, 100), 90)
    drawing.paste(200, (20, 20, 80, 80))
    assert phash(blocks(drawing)) == "" and len(phash(blocks(picture(0).convert("L")))) == (BITS + 1) // 4


def test_candidates_are_those_of_all_pairs_compared_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CANDIDATE_BITS", 55)
    luma = [picture(seed).convert("L") for seed in range(40)]
    luma += [one.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for one in luma[:5]]
    hashes = [phash(blocks(one)) for one in luma]
    mirrored = [phash(blocks(one)[:, ::-1]) for one in luma]
    bits, turned = signs(hashes), signs(mirrored)
    near = [
        (one, other, bool((bits[one] != turned[other]).sum() < (bits[one] != bits[other]).sum()))
        for one in range(len(luma))
        for other in range(one + 1, len(luma))
        if min((bits[one] != bits[other]).sum(), (bits[one] != turned[other]).sum()) <= 55
    ]
    (pairs,) = candidates(hashes)
    assert len(near) > 5
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.mirrored.tolist(), strict=True)) == near


def test_many_copies_of_one_photo_are_linked_without_looking_at_their_pixels() -> None:
    hashes = [phash(blocks(picture(seed).convert("L"))) for seed in (0, 1)] * 15_000
    links = near_duplicates(hashes, lambda needed: pytest.fail(f"{len(needed)} photos are opened"), range(30_000))
    assert len(links) == 29_998 and sorted(set(groups(30_000, links).tolist())) == [0, 1]


def test_pictures_of_one_owner_are_not_compared_and_link_what_is_like_one_of_them() -> None:
    luma = [picture(seed).convert("L") for seed in (0, 0, 1)] + [saved(picture(1), 30).convert("L")]
    hashes = [phash(blocks(one)) for one in luma]
    assert near_duplicates(hashes, lambda needed: np.zeros((len(needed), GRID, GRID), np.uint8), [7, 7, 7, 9]) == [
        (2, 3)
    ]


def test_the_photos_of_a_fixed_camera_are_compared_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, correlate = list[int](), module._correlate
    monkeypatch.setattr(module, "_correlate", lambda *sides: compared.append(len(sides[0])) or correlate(*sides))
    background = picture(0, (320, 240))
    frames = []
    for number in range(300):
        frame = background.copy()
        frame.paste(picture(1000 + number, (130, 110)), (20 + number % 150, 30 + number % 90))
        frames.append(frame)
    assert len(found(frames)) < 30
    assert sum(compared) < 300 * 30  # without the limit 21,325


def test_alignment_finds_the_shift_and_the_scale() -> None:
    whole = picture(3, (320, 320)).convert("L")
    part = whole.crop((45, 10, 310, 290))
    one, other = (blocks(photo, GRID)[None].astype(np.float32) for photo in (whole, part))
    before = float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
    assert before < 0.9 < 0.97 < _aligned(one, other, _unmoved(1))[0][0]
    assert _aligned(one, one, _unmoved(1))[0][0] == pytest.approx(1, abs=1e-5)
    assert _aligned(one, blocks(picture(4).convert("L"), GRID)[None].astype(np.float32), _unmoved(1))[0][0] < 0.8


def test_groups_join_linked_pairs_and_are_named_by_their_first() -> None:
    assert groups(7, [(5, 2), (2, 6), (4, 3)]).tolist() == [0, 1, 2, 3, 3, 2, 2]
    assert groups(3, []).tolist() == [0, 1, 2]
