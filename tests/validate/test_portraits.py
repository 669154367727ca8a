"""Portraits: which part of a photo, and that only new ones are made."""

from pathlib import Path

import numpy as np
import pytest
from bounds import FOX, PUG
from PIL import Image

from pedigree.photos.annotations import Box
from pedigree.photos.census import take_census
from pedigree.photos.windows import StoredPhoto
from pedigree.validate.portraits import largest_box, portrait_features


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
