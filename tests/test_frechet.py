"""Fréchet distance: its closed forms, its symmetries, and what it refuses."""

import numpy as np
import pytest

from pedigree.metrics.frechet import frechet_distance


def normal(seed, shape, mean=0.0, deviation=1.0):
    return np.random.default_rng(seed).normal(mean, deviation, shape)


def whitened(seed, shape):
    """A sample whose mean is exactly 0 and whose covariance is exactly I."""
    sample = normal(seed, shape)
    sample -= sample.mean(axis=0)
    return np.linalg.qr(sample)[0] * np.sqrt(len(sample) - 1)


def by_eigenvalues(real, generated):
    """The definition, read literally, for samples larger than their dimension."""
    one, other = np.cov(real.T), np.cov(generated.T)
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values)) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ other @ root)).sum()
    apart = real.mean(axis=0) - generated.mean(axis=0)
    return apart @ apart + np.trace(one) + np.trace(other) - 2 * overlap


@pytest.mark.parametrize(("shift", "one", "other"), [(0.0, 1.0, 3.0), (0.5, 2.0, 2.0), (-1.0, 0.1, 4.0)])
def test_isotropic_normals_meet_the_closed_form(shift, one, other):
    real, generated = whitened(0, (400, 24)) * one, whitened(1, (300, 24)) * other + shift
    expected = 24 * shift**2 + 24 * (one - other) ** 2
    assert frechet_distance(real, generated) == pytest.approx(expected, rel=1e-10)


def test_it_is_the_textbook_formula_where_covariances_have_full_rank():
    mix = normal(2, (16, 16))
    real, generated = normal(0, (200, 16)) @ mix, normal(1, (90, 16), 0.3) @ mix.T
    assert frechet_distance(real, generated) == pytest.approx(by_eigenvalues(real, generated), rel=1e-9)


def test_fewer_rows_than_dimensions_equal_the_same_points_in_their_own_subspace():
    real, generated = normal(0, (30, 8)), normal(1, (40, 8), 0.5, 2.0)
    embedding = np.linalg.qr(normal(2, (100, 8)))[0].T  # orthonormal rows: an isometry of 8 dimensions into 100
    expected = frechet_distance(real, generated)
    assert frechet_distance(real @ embedding, generated @ embedding) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "shapes", [((50, 20), (60, 20)), ((12, 20), (15, 20)), ((12, 20), (60, 20)), ((21, 20), (20, 20))]
)
def test_it_is_symmetric_and_blind_to_rotation_and_shift(shapes):
    real, generated = normal(0, shapes[0]), normal(1, shapes[1], 0.2, 1.5)
    rotation = np.linalg.qr(normal(2, (20, 20)))[0]
    distance = frechet_distance(real, generated)
    assert frechet_distance(generated, real) == pytest.approx(distance, rel=1e-10)
    assert frechet_distance(real @ rotation + 7, generated @ rotation + 7) == pytest.approx(distance, rel=1e-9)
    assert frechet_distance(real * 3, generated * 3) == pytest.approx(9 * distance, rel=1e-10)


@pytest.mark.parametrize("shape", [(50, 20), (10, 20), (2, 3)])
def test_a_sample_is_at_no_distance_from_itself_in_any_order(shape):
    sample = normal(0, shape)
    assert frechet_distance(sample, sample[::-1]) == pytest.approx(0, abs=1e-10)


def test_a_collapsed_generator_is_as_far_as_its_missing_variance():
    real = normal(0, (200, 10))
    collapsed = np.tile(real.mean(axis=0), (50, 1))
    assert frechet_distance(real, collapsed) == pytest.approx(np.trace(np.cov(real.T)), rel=1e-10)


def test_small_samples_are_further_apart_than_large_ones():
    apart = [frechet_distance(normal(0, (n, 64)), normal(1, (n, 64))) for n in (32, 128, 1024)]
    assert apart[0] > 2 * apart[1] > 8 * apart[2] > 0


def test_float32_features_with_a_large_mean_lose_nothing():
    sample, other = normal(0, (300, 16), 1e3).astype(np.float32), normal(1, (300, 16), 1e3, 2.0).astype(np.float32)
    assert frechet_distance(sample, other) == pytest.approx(frechet_distance(np.float64(sample), np.float64(other)))


@pytest.mark.parametrize(
    ("real", "generated", "told"),
    [
        (np.zeros((1, 4)), np.zeros((5, 4)), r"real must be .* at least 2\. Received: \(1, 4\)"),
        (np.zeros((5, 4)), np.zeros((0, 4)), r"generated must be .* Received: \(0, 4\)"),
        (np.zeros((5, 4)), np.zeros((5, 3)), r"same dimension\. Received: real \(5, 4\), generated \(5, 3\)"),
        (np.zeros(5), np.zeros((5, 3)), r"real must be .* Received: \(5,\)"),
        (np.zeros((5, 3)), np.full((5, 3), np.nan), "generated must be finite. Received: 15"),
        (np.full((5, 3), np.inf), np.zeros((5, 3)), "real must be finite. Received: 15"),
    ],
)
def test_what_is_no_pair_of_samples_is_refused(real, generated, told):
    with pytest.raises(ValueError, match=told):
        frechet_distance(real, generated)
