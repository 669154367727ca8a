"""Fréchet distance: a published implementation, closed forms, symmetries, its standard error, and what it refuses."""

import numpy as np
import oracles
import pytest
from feature_pairs import PAIRS, normal
from hypothesis import given, settings
from hypothesis import strategies as some

from pedigree.metrics.frechet import fit, frechet_distance

properties = settings(max_examples=40, deadline=None, database=None, derandomize=True)
samples = {
    "rows": some.tuples(some.integers(2, 40), some.integers(2, 40)),
    "dimension": some.integers(1, 24),
    "rank": some.integers(1, 24),
    "seed": some.integers(0, 2**32 - 1),
}


def pair(rows, dimension, rank, seed):
    """Two samples of any sizes and ranks, at any distance."""
    mix = normal([seed, 0], (rank, dimension))
    return normal([seed, 1], (rows[0], rank)) @ mix, normal([seed, 2], (rows[1], rank), 0.3, 1.5) @ mix


def scale(*both):
    """What rounding is to be held against: the samples' own variance."""
    return sum(sample.var(axis=0).sum() for sample in both) + 1


def whitened(seed, shape):
    """A sample whose mean is exactly 0 and whose covariance is exactly I."""
    sample = normal(seed, shape)
    sample -= sample.mean(axis=0)
    return np.linalg.qr(sample)[0] * np.sqrt(len(sample) - 1)


@pytest.mark.parametrize("name", PAIRS)
def test_it_is_torch_fidelitys(name):
    real, generated = PAIRS[name]()
    assert frechet_distance(real, generated) == pytest.approx(oracles.fid(real, generated), rel=1e-6)


@pytest.mark.parametrize(("shift", "one", "other"), [(0.0, 1.0, 3.0), (0.5, 2.0, 2.0), (-1.0, 0.1, 4.0)])
def test_isotropic_normals_meet_the_closed_form(shift, one, other):
    real, generated = whitened(0, (400, 24)) * one, whitened(1, (300, 24)) * other + shift
    expected = 24 * shift**2 + 24 * (one - other) ** 2
    assert frechet_distance(real, generated) == pytest.approx(expected, rel=1e-10)


def test_fewer_rows_than_dimensions_equal_the_same_points_in_their_own_subspace():
    real, generated = normal(0, (30, 8)), normal(1, (40, 8), 0.5, 2.0)
    embedding = np.linalg.qr(normal(2, (100, 8)))[0].T  # orthonormal rows: an isometry of 8 dimensions into 100
    expected = frechet_distance(real, generated)
    assert frechet_distance(real @ embedding, generated @ embedding) == pytest.approx(expected, rel=1e-9)


@properties
@given(**samples)
def test_it_is_symmetric(rows, dimension, rank, seed):
    real, generated = pair(rows, dimension, rank, seed)
    there, back = frechet_distance(real, generated), frechet_distance(generated, real)
    assert there == pytest.approx(back, rel=1e-9, abs=1e-9 * scale(real, generated))


@properties
@given(**samples)
def test_a_sample_is_at_no_distance_from_itself_in_any_order(rows, dimension, rank, seed):
    sample, _ = pair(rows, dimension, rank, seed)
    shuffled = np.random.default_rng(seed).permutation(sample)
    assert frechet_distance(sample, shuffled) == pytest.approx(0, abs=1e-9 * scale(sample))


@properties
@given(**samples, factor=some.floats(1e-3, 1e3))
def test_order_rotation_and_shift_change_nothing_and_scale_goes_in_squared(rows, dimension, rank, seed, factor):
    real, generated = pair(rows, dimension, rank, seed)
    rotation = np.linalg.qr(normal(seed, (dimension, dimension)))[0]
    moved = frechet_distance((real @ rotation + 7)[::-1] * factor, (generated @ rotation + 7)[::-1] * factor)
    plain, size = frechet_distance(real, generated), 1e-8 * scale(real, generated)
    assert moved / factor**2 == pytest.approx(plain, rel=1e-8, abs=size)
    assert moved.standard_error / factor**2 == pytest.approx(plain.standard_error, rel=1e-5, abs=size)


def test_the_same_call_gives_the_same_number_to_the_last_bit():
    real, generated = PAIRS["rectified"]()
    one, other = frechet_distance(real, generated), frechet_distance(real.copy(), generated.copy())
    assert (one, one.standard_error) == (other, other.standard_error)


def test_a_real_sample_fitted_once_serves_every_generated_one():
    real = normal(0, (100, 16))
    fitted = fit(real)
    for seed, rows in ((1, 300), (2, 16), (3, 5)):
        generated = normal(seed, (rows, 16), 0.2)
        apart, expected = fitted.distance(generated), frechet_distance(real, generated)
        assert (apart, apart.standard_error) == (expected, expected.standard_error)


def test_a_collapsed_generator_is_as_far_as_its_missing_variance():
    real = normal(0, (200, 10))
    collapsed = np.tile(real.mean(axis=0), (50, 1))
    distance = frechet_distance(real, collapsed)
    assert distance == pytest.approx(np.trace(np.cov(real.T)), rel=1e-10)
    assert distance.standard_error == pytest.approx(0, abs=1e-10)  # it would draw the same picture again


def test_small_samples_are_further_apart_than_large_ones():
    apart = [frechet_distance(normal(0, (n, 64)), normal(1, (n, 64))) for n in (32, 128, 1024)]
    assert apart[0] > 2 * apart[1] > 8 * apart[2] > 0


def test_float32_features_with_a_large_mean_lose_nothing():
    sample, other = normal(0, (300, 16), 1e3).astype(np.float32), normal(1, (300, 16), 1e3, 2.0).astype(np.float32)
    assert frechet_distance(sample, other) == pytest.approx(frechet_distance(np.float64(sample), np.float64(other)))


def redrawn(rows, dimension, shift, deviation, skewed):
    """Return how the stated standard error compares with the deviation of samples drawn anew, over four real ones."""
    deviations, stated = [], []
    decay = np.arange(1, dimension + 1) ** -0.5
    shape = (lambda x: np.maximum(x, -0.3)) if skewed else (lambda x: x)
    for seed in range(4):
        fitted = fit(shape(normal([seed, 0], (1000, dimension)) * decay))
        draws = [
            fitted.distance(shape(normal([seed, 1, draw], (rows, dimension), shift, deviation) * decay))
            for draw in range(100)
        ]
        deviations.append(np.std(draws, ddof=1))
        stated.append(np.mean([draw.standard_error for draw in draws]))
    return np.mean(stated) / np.mean(deviations)


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("rows", [40, 200])
@pytest.mark.parametrize(("shift", "deviation"), [(0.0, 1.0), (0.3, 1.0), (0.5, 0.6), (0.0, 1.5)])
def test_above_the_dimension_the_standard_error_is_the_deviation_of_samples_drawn_anew(shift, deviation, rows, skewed):
    assert 0.8 < redrawn(rows, 12, shift, deviation, skewed) < 1.3


@pytest.mark.parametrize("rows", [6, 12, 24])
@pytest.mark.parametrize(("shift", "deviation"), [(0.0, 1.0), (0.3, 1.0), (0.5, 0.6)])
def test_below_the_dimension_the_standard_error_is_of_the_right_size(shift, deviation, rows):
    assert 0.7 < redrawn(rows, 24, shift, deviation, skewed=False) < 1.6


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (np.zeros((1, 4)), np.zeros((5, 4)), r"real must be .* at least 2\. Received: \(1, 4\)"),
        (np.zeros((5, 4)), np.zeros((0, 4)), r"generated must be .* Received: \(0, 4\)"),
        (np.zeros((5, 4)), np.zeros((5, 3)), r"same dimension\. Received: real \(5, 4\), generated \(5, 3\)"),
        (np.zeros(5), np.zeros((5, 3)), r"real must be .* Received: \(5,\)"),
        (np.zeros((5, 3)), np.full((5, 3), np.nan), "generated must be finite. Received: 15"),
        (np.full((5, 3), np.inf), np.zeros((5, 3)), "real must be finite. Received: 15"),
    ],
)
def test_what_is_no_pair_of_samples_is_refused(real, generated, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(real, generated)


def test_a_fitted_sample_refuses_features_of_another_network():
    with pytest.raises(ValueError, match=r"same dimension\. Received: .* generated \(5, 3\)"):
        fit(np.eye(4)).distance(np.zeros((5, 3)))
