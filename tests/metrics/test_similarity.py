"""MS-SSIM: TensorFlow's numbers, what it sees, and its mean over pairs of a breed."""

import numpy as np
import pytest

from pedigree.metrics import similarity
from pedigree.metrics.similarity import ms_ssim, pair_similarity_per_breed

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


def smooth(seed, count, height, width=None):
    """Pictures with structure at every scale: noise, coarse to fine."""
    chance, width = np.random.default_rng(seed), width or height
    total = np.zeros((count, height, width, 3))
    for cell in (16, 4, 1):
        blocks = chance.normal(0, 40, (count, -(-height // cell), -(-width // cell), 3))
        total += blocks.repeat(cell, axis=1).repeat(cell, axis=2)[:, :height, :width]
    return np.clip(total + 128, 0, 255).astype(np.uint8)


def pair_similarity(images, labels, *, seed, pairs):
    """The mean over the breeds, with equal weights."""
    breeds = int(labels.max(initial=-1)) + 1
    return pair_similarity_per_breed(images, labels, breeds, seed=seed, pairs=pairs).mean()


def noisy(images, deviation):
    noise = np.random.default_rng(9).normal(0, deviation, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "scales"),
    [(11, 16, 1), (16, 16, 1), (32, 32, 2), (45, 33, 2), (64, 64, 3), (129, 130, 4), (400, 352, 5)],
)
def test_it_is_tensorflows_with_as_many_scales_as_the_window_fits_five_at_most(height, width, scales):
    import tensorflow

    one = smooth(0, 12, height, width)
    other = np.concatenate([noisy(one[:4], 10), noisy(one[4:8], 60), 255 - one[8:10], smooth(1, 2, height, width)])
    if height > 200:
        one, other = one[::4], other[::4]
    powers = (WEIGHTS[:scales] / WEIGHTS[:scales].sum()).tolist()
    expected = tensorflow.image.ssim_multiscale(one, other, 255, power_factors=powers).numpy()
    np.testing.assert_allclose(ms_ssim(one, other), expected, atol=1e-4)
    assert np.ptp(expected) > 0.8


def test_equal_pictures_are_exactly_alike_and_the_order_of_two_does_not_matter():
    one, other = smooth(0, 6, 32), smooth(1, 6, 32)
    np.testing.assert_array_equal(ms_ssim(one, one), 1.0)
    np.testing.assert_array_equal(ms_ssim(one, other), ms_ssim(other, one))


def test_black_and_white_pictures_are_no_special_case():
    black, white = np.zeros((1, 32, 32, 3), np.uint8), np.full((1, 32, 32, 3), 255, np.uint8)
    assert ms_ssim(black, black) == 1.0
    weight = WEIGHTS[1] / WEIGHTS[:2].sum()  # flat pictures differ in luminance alone, at the coarsest scale
    floor = (0.01 * 255) ** 2
    assert ms_ssim(black, white) == pytest.approx((floor / (255**2 + floor)) ** weight, abs=1e-6)


def test_more_noise_is_less_alike():
    images = smooth(0, 5, 64)
    ladder = [ms_ssim(images, noisy(images, deviation)).mean() for deviation in (0, 5, 20, 80)]
    assert ladder == sorted(ladder, reverse=True)
    assert ladder[0] - ladder[-1] > 0.15


def test_the_block_size_changes_nothing_but_rounding(monkeypatch):
    one, other = smooth(0, 7, 32), smooth(1, 7, 32)
    whole = ms_ssim(one, other)
    monkeypatch.setattr(similarity, "_VALUES_AT_ONCE", 1)
    np.testing.assert_allclose(ms_ssim(one, other), whole, atol=1e-6)


def test_no_pairs_are_no_numbers():
    assert ms_ssim(smooth(0, 0, 32), smooth(0, 0, 32)).shape == (0,)


def test_all_pairs_are_compared_where_there_are_few():
    images = smooth(0, 6, 16)
    one, other = np.triu_indices(6, 1)
    expected = ms_ssim(images[one], images[other]).mean()
    for seed in (0, 1):
        assert pair_similarity(images, np.zeros(6, int), seed=seed, pairs=15) == pytest.approx(expected, abs=1e-9)


def test_pairs_are_different_pairs_of_different_pictures():
    chance = np.random.default_rng(0)
    for count, pairs in ((2, 1), (5, 9), (40, 100), (10_000, 500)):
        one, other = similarity._distinct_pairs(count, pairs, chance)
        assert len(set(zip(one.tolist(), other.tolist(), strict=True))) == pairs
        assert (one < other).all()
        assert one.min() >= 0
        assert other.max() < count


def test_it_is_a_function_of_the_seed_alone():
    images, labels = smooth(0, 80, 16), np.arange(80) % 2
    first = pair_similarity_per_breed(images, labels, 2, seed=3, pairs=20)
    again = pair_similarity_per_breed(images, labels, 2, seed=3, pairs=20)
    np.testing.assert_array_equal(first.value, again.value)
    assert (first.value != pair_similarity_per_breed(images, labels, 2, seed=4, pairs=20).value).all()


def test_a_breed_does_not_depend_on_the_others():
    images, labels = smooth(0, 80, 16), np.arange(80) % 2
    both = pair_similarity_per_breed(images, labels, 2, seed=3, pairs=20)
    alone = pair_similarity_per_breed(images[labels == 1], np.ones(40, int), 5, seed=3, pairs=20)
    np.testing.assert_allclose(alone.value[1], both.value[1], atol=1e-6)
    assert np.isnan(alone.value[[0, 2, 3, 4]]).all()


def test_few_pictures_have_no_number_or_no_standard_error():
    images, labels = smooth(0, 7, 16), np.array([1, 2, 2, 3, 3, 3, 3])
    result = pair_similarity_per_breed(images, labels, 4, seed=0, pairs=10)
    assert np.isnan(result.value).tolist() == [True, True, False, False]
    assert np.isnan(result.standard_error).tolist() == [True, True, True, False]
    assert result.mean() == pytest.approx(result.value[2:].mean())
    assert np.isnan(pair_similarity(images[:1], labels[:1], seed=0, pairs=10))
    assert np.isnan(pair_similarity(images[:0], labels[:0], seed=0, pairs=10))


def test_one_picture_shown_again_and_again_is_alike_and_a_varied_breed_is_not():
    images = smooth(0, 60, 32)
    images[:30] = noisy(images[:1].repeat(30, axis=0), 4)
    alike, varied = pair_similarity_per_breed(images, np.repeat([0, 1], 30), 2, seed=0, pairs=100).value
    assert alike > 0.9
    assert varied < 0.5


@pytest.mark.parametrize(("count", "pairs"), [(8, 100), (20, 100), (60, 100), (200, 50)])
def test_the_standard_error_is_that_of_pictures_drawn_anew(count, pairs):
    chance = np.random.default_rng(1)
    drawn, result = [], []
    for _ in range(600):
        one, other = similarity._distinct_pairs(count, pairs, chance)
        picture = chance.normal(0, 0.7, count)  # what each brings to all its pairs; then what is each pair's own
        values = picture[one] + picture[other] + picture[one] * picture[other] + chance.normal(0, 0.5, len(one))
        drawn.append(values.mean())
        result.append(similarity._standard_error(values, one, other))
    assert np.mean(result) == pytest.approx(np.std(drawn), rel=0.25)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (np.zeros((2, 32, 32, 3), np.uint8), np.zeros((3, 32, 32, 3), np.uint8), "same shape"),
        (np.zeros((2, 32, 32, 3), np.float32), np.zeros((2, 32, 32, 3), np.uint8), "one must be .* uint8 .* float32"),
        (np.zeros((2, 10, 32, 3), np.uint8), np.zeros((2, 10, 32, 3), np.uint8), r"at least 11. Received: \(2, 10"),
        (np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32, 3), np.uint8), r"Received: \(32, 32, 3\)"),
    ],
)
def test_what_are_no_pairs_of_pictures_is_refused(one, other, message):
    with pytest.raises(ValueError, match=message):
        ms_ssim(one, other)


def test_no_pairs_or_odd_labels_are_refused():
    images = smooth(0, 3, 16)
    with pytest.raises(ValueError, match=r"pairs must be at least 1\. Received: 0"):
        pair_similarity(images, np.zeros(3, int), seed=0, pairs=0)
    with pytest.raises(ValueError, match=r"labels must be \(3,\) integers"):
        pair_similarity(images, np.zeros(2, int), seed=0, pairs=1)
