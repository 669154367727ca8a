"""Kernel distance: a published implementation, its closed form, no bias, an honest standard error."""

import numpy as np
import oracles
import pytest
from feature_pairs import PAIRS, normal
from hypothesis import given, settings
from hypothesis import strategies as some

from pedigree.metrics.kernel import kernel_distance

properties = settings(max_examples=40, deadline=None, database=None, derandomize=True)
samples = {
    "rows": some.tuples(some.integers(2, 40), some.integers(2, 40)),
    "dimension": some.integers(1, 24),
    "seed": some.integers(0, 2**32 - 1),
}


def pair(rows, dimension, seed):
    return normal([seed, 1], (rows[0], dimension)), normal([seed, 2], (rows[1], dimension), 0.3, 1.5)


@pytest.mark.parametrize("name", PAIRS)
def test_of_whole_samples_it_is_torch_fidelitys(name):
    real, generated = PAIRS[name]()
    rows = min(len(real), len(generated))
    real, generated = real[:rows], generated[:rows]
    found = kernel_distance(real, generated, seed=0, subset_size=rows)
    assert found == pytest.approx(oracles.kid(real, generated, 1, rows)[0], rel=1e-6)


@pytest.mark.parametrize("subset_size", [100, 400, 1000])
def test_over_subsets_it_is_torch_fidelitys_within_its_noise(subset_size):
    real, generated = PAIRS["rectified"]()
    expected, deviation = oracles.kid(real, generated, 50, 200)
    apart = kernel_distance(real, generated, seed=0, subset_size=subset_size) - expected
    assert abs(apart) < 3 * deviation / np.sqrt(50)


@pytest.mark.parametrize(("dimension", "square"), [(64, 4.0), (16, 1.0), (4, 0.25)])
def test_shifted_normals_meet_the_closed_form(dimension, square):
    real = normal(0, (6000, dimension))
    generated = normal(1, (6000, dimension), np.sqrt(square / dimension))
    a, d = square, dimension
    expected = 3 * a / d + 3 * a**2 / d**2 + (a**3 + 6 * a**2 + 3 * a * d + 6 * a) / d**3
    found = kernel_distance(real, generated, seed=0)
    assert found.standard_error < 0.06 * expected
    assert abs(found - expected) < 3 * np.sqrt(2) * found.standard_error  # both sides were drawn


@pytest.mark.parametrize(("rows", "subset_size"), [((6, 4), 1000), ((40, 12), 5), ((12, 40), 4), ((2, 2), 2)])
def test_samples_of_one_distribution_are_at_no_distance_on_average(rows, subset_size):
    found = [
        kernel_distance(
            normal([0, seed], (rows[0], 6)), normal([1, seed], (rows[1], 6)), seed=seed, subset_size=subset_size
        )
        for seed in range(400)
    ]
    assert min(found) < 0
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(400)


@properties
@given(**samples)
def test_of_whole_samples_it_is_symmetric_and_blind_to_order_rotation_and_seed(rows, dimension, seed):
    real, generated = pair(rows, dimension, seed)
    rotation = np.linalg.qr(normal(seed, (dimension, dimension)))[0]
    found = kernel_distance(real, generated, seed=0)
    turned = kernel_distance(real[::-1] @ rotation, generated[::-1] @ rotation, seed=seed)
    assert turned == pytest.approx(found, rel=1e-8, abs=1e-8)
    assert turned.standard_error == pytest.approx(found.standard_error, rel=1e-6, abs=1e-6)
    assert kernel_distance(generated, real, seed=0) == pytest.approx(found, rel=1e-8, abs=1e-8)


@properties
@given(**samples)
def test_two_equal_sets_are_as_far_apart_as_pairing_a_picture_with_itself_takes_them(rows, dimension, seed):
    sample, _ = pair(rows, dimension, seed)
    kernel = (sample @ sample.T / dimension + 1) ** 3
    itself, total = np.trace(kernel) / len(sample), kernel.mean()
    expected = 2 * (total - itself) / (len(sample) - 1)  # the unbiased distance of a set from itself: at most 0
    assert kernel_distance(sample, sample, seed=0) == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_the_same_seed_gives_the_same_number_and_another_one_within_noise():
    real, generated = normal(0, (900, 8)), normal(1, (700, 8), 0.2)
    one, again, other = (kernel_distance(real, generated, seed=seed, subset_size=50) for seed in (0, 0, 1))
    assert (one, one.standard_error) == (again, again.standard_error)
    assert one != other
    assert abs(one - other) < 3 * one.standard_error


def test_small_subsets_cost_no_precision_where_samples_are_apart():
    real, generated = normal(0, (1500, 16)), normal(1, (600, 16), 0.5)
    whole = kernel_distance(real, generated, seed=0)
    parts = kernel_distance(real, generated, seed=0, subset_size=50)
    assert parts.standard_error == pytest.approx(whole.standard_error, rel=0.1)
    assert abs(parts - whole) < 0.5 * whole.standard_error


def redrawn(rows, real_rows, shift, subset_size):
    """Return how the stated standard error compares with the deviation of samples drawn anew, over four real ones."""
    deviations, stated = [], []
    decay = 2 * np.arange(1, 13) ** -0.5
    for seed in range(4):
        real = normal([seed, 0], (real_rows, 12)) * decay
        draws = [
            kernel_distance(
                real, normal([seed, 1, draw], (rows, 12), shift) * decay, seed=seed, subset_size=subset_size
            )
            for draw in range(100)
        ]
        deviations.append(np.std(draws, ddof=1))
        stated.append(np.mean([draw.standard_error for draw in draws]))
    return np.mean(stated) / np.mean(deviations)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5])
@pytest.mark.parametrize(
    ("rows", "real_rows", "subset_size"), [(40, 120, 1000), (100, 100, 1000), (100, 300, 20), (300, 100, 25)]
)
def test_the_standard_error_is_the_deviation_of_samples_drawn_anew(rows, real_rows, shift, subset_size):
    assert 0.75 < redrawn(rows, real_rows, shift, subset_size) < 1.25


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_of_few_pictures_the_standard_error_is_of_the_right_size(shift):
    assert 0.6 < redrawn(10, 120, shift, 1000) < 1.4


def test_a_collapsed_generator_has_no_sampling_error():
    real, generated = PAIRS["a single picture again and again"]()
    found = kernel_distance(real, generated, seed=0)
    assert found > 1
    assert found.standard_error == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("real", "generated", "subset_size", "message"),
    [
        (np.zeros((1, 4)), np.zeros((5, 4)), 1000, r"real must be .* at least 2\. Received: \(1, 4\)"),
        (np.zeros((5, 4)), np.zeros((1, 4)), 1000, r"generated must be .* Received: \(1, 4\)"),
        (np.zeros((5, 4)), np.zeros((5, 3)), 1000, r"same dimension\. Received: real \(5, 4\), generated \(5, 3\)"),
        (np.zeros((5, 3)), np.full((5, 3), np.nan), 1000, "generated must be finite. Received: 15"),
        (np.zeros((5, 3)), np.zeros((5, 3)), 1, "subset_size must be at least 2. Received: 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(real, generated, subset_size, message):
    with pytest.raises(ValueError, match=message):
        kernel_distance(real, generated, seed=0, subset_size=subset_size)
