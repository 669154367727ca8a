"""Damaged copies of pictures: as strong as they say, the same every time, and the originals left alone."""

import numpy as np
import pytest

from pedigree.score import damage


@pytest.fixture
def pictures():
    """Flat grey left, a fine checkerboard right, on three shades."""
    images = np.full((3, 32, 32, 3), 128, np.uint8) + np.arange(-40, 41, 40)[:, None, None, None].astype(np.uint8)
    images[:, :, 16:] += ((np.indices((32, 16)).sum(axis=0) % 2) * 60).astype(np.uint8)[None, :, :, None]
    return images


LABELS = np.arange(3, dtype=np.int32)


def contrast(images):
    return images[:, 8:24, 20:28].std(axis=(1, 2, 3)).mean()


def test_every_kind_keeps_shape_type_mean_and_the_originals(pictures):
    before = pictures.copy()
    kinds = list(damage.damaged_copies(pictures, LABELS))
    assert len(kinds) == 3
    for copies, labels in kinds:
        np.testing.assert_array_equal(labels, LABELS)
        assert copies.shape == pictures.shape
        assert copies.dtype == np.uint8
        assert np.abs(copies.mean(axis=(1, 2, 3)) - pictures.mean(axis=(1, 2, 3))).max() < 3
        assert (copies != pictures).any(axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(pictures, before)


def test_the_same_pictures_always_have_the_same_copies(pictures):
    kinds = [[copies for copies, _ in damage.damaged_copies(pictures, LABELS)] for _ in range(2)]
    np.testing.assert_array_equal(*kinds)


def test_of_many_pictures_each_kind_has_some_of_every_breed_and_none_that_another_kind_has(monkeypatch):
    for change in ("blurred", "noisy", "compressed"):
        monkeypatch.setattr(damage, change, lambda images, *_, **__: images)
    monkeypatch.setattr(damage, "COPIES", 12)
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(3, dtype=np.int32), (60, 20, 40)))
    shades = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] + np.zeros((1, 4, 4, 3), np.uint8)
    chosen = []
    for copies, breeds in damage.damaged_copies(shades, labels):
        assert np.bincount(breeds).tolist() == [6, 2, 4]
        np.testing.assert_array_equal(breeds, labels[copies[:, 0, 0, 0]])
        chosen += copies[:, 0, 0, 0].tolist()
    assert len(set(chosen)) == 36


def test_a_wider_blur_leaves_less_detail_and_no_noise(pictures):
    assert contrast(damage.blurred(pictures, 2)) < contrast(damage.blurred(pictures, 0.5)) < contrast(pictures)
    np.testing.assert_array_equal(damage.blurred(pictures, 2)[:, :, :6], pictures[:, :, :6])


def test_noise_has_the_deviation_asked_for_and_differs_between_pictures_and_seeds():
    grey = np.full((2, 64, 64, 3), 128, np.uint8)
    noisy = damage.noisy(grey, 20.0)
    assert noisy.std(axis=(1, 2, 3)) == pytest.approx(20.0, rel=0.05)
    assert (noisy[0] != noisy[1]).mean() > 0.9
    assert (noisy != damage.noisy(grey, 20.0, seed=1)).mean() > 0.9


def test_noise_of_a_picture_does_not_depend_on_those_after_it(pictures):
    np.testing.assert_array_equal(damage.noisy(pictures, 25.0)[:2], damage.noisy(pictures[:2], 25.0))


def test_noise_stops_at_black_and_white_and_never_wraps_around():
    shades = np.stack([np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)])
    black, white = damage.noisy(shades, 20.0)
    assert black.max() < 128 < white.min()


def test_lower_quality_is_further_from_the_picture(pictures):
    def far(quality):
        return np.abs(damage.compressed(pictures, quality).astype(float) - pictures).mean()

    assert far(95) < far(50) < far(5)


def test_copies_of_larger_pictures_are_as_soft_for_their_size(pictures):
    enlarged = pictures.repeat(2, axis=1).repeat(2, axis=2)
    small, large = (next(damage.damaged_copies(images, LABELS))[0] for images in (pictures, enlarged))
    halved = large.reshape(3, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - small).mean() < np.abs(small - pictures.astype(float)).mean() / 5
