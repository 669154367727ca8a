"""The cache of features: what it keeps apart, and what it does not trust."""

import numpy as np
import pytest

from pedigree.features import cached_features


class Counting:
    """An extractor that counts how often it is asked."""

    name, image_size, dimension, fingerprint = "counting", 4, 3, "one"

    def __init__(self):
        self.asked = 0

    def features(self, images, batch_size=32):
        self.asked += 1
        return images.mean(axis=(1, 2)).astype(np.float32)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (1500, 4, 4, 3), dtype=np.uint8)


def test_the_same_pictures_are_computed_once_and_read_back_to_the_last_bit(tmp_path, images):
    extractor = Counting()
    first = cached_features(extractor, images, folder=tmp_path / "new")
    second = cached_features(extractor, images.copy(), batch_size=5, folder=tmp_path / "new")
    assert extractor.asked == 1
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, Counting().features(images))
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_memory_mapped_pictures_are_the_same_pictures(tmp_path, images):
    np.save(tmp_path / "images.npy", images)
    extractor = Counting()
    cached_features(extractor, images, folder=tmp_path / "cache")
    cached_features(extractor, np.load(tmp_path / "images.npy", mmap_mode="r"), folder=tmp_path / "cache")
    assert extractor.asked == 1


def altered(images, how):
    images = images.copy()
    if how == "last pixel":
        images[-1, -1, -1, -1] ^= 1
    return {"order": images[::-1], "fewer": images[:-1], "shape": images.reshape(1500, 8, 2, 3)}.get(how, images)


@pytest.mark.parametrize("how", ["last pixel", "order", "fewer", "shape"])
def test_other_pictures_are_computed(tmp_path, images, how):
    extractor = Counting()
    cached_features(extractor, images, folder=tmp_path)
    other = altered(images, how)
    np.testing.assert_array_equal(cached_features(extractor, other, folder=tmp_path), Counting().features(other))
    assert extractor.asked == 2


@pytest.mark.parametrize(("attribute", "value"), [("name", "other"), ("fingerprint", "two")])
def test_another_extractor_or_another_version_of_it_computes_anew(tmp_path, images, attribute, value):
    cached_features(Counting(), images, folder=tmp_path)
    other = Counting()
    setattr(other, attribute, value)
    cached_features(other, images, folder=tmp_path)
    assert other.asked == 1


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [flipped, lambda c: c[:-500], lambda c: b"", lambda c: b"not a zip" * 50])
def test_a_damaged_file_is_computed_anew_and_mended(tmp_path, images, damage):
    expected = cached_features(Counting(), images, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    extractor = Counting()
    for _ in range(2):
        np.testing.assert_array_equal(cached_features(extractor, images, folder=tmp_path), expected)
    assert extractor.asked == 1


@pytest.mark.parametrize("content", [{"features": np.zeros((2, 3), np.float32)}, {"other": np.zeros(3)}])
def test_a_file_that_holds_something_else_is_computed_anew(tmp_path, images, content):
    expected = cached_features(Counting(), images, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    np.savez(file, **content)
    np.testing.assert_array_equal(cached_features(Counting(), images, folder=tmp_path), expected)
