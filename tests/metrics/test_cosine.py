"""Pairs with almost the same features: exactly those, whatever the block they are in."""

import numpy as np
import pytest

from pedigree.metrics import cosine
from pedigree.metrics.cosine import close_pairs


@pytest.mark.parametrize("rows", [1, 7, 300, 2048])
def test_the_pairs_are_those_of_all_cosines(monkeypatch, rows):
    monkeypatch.setattr(cosine, "_ROWS", rows)
    features = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    unit = features.astype(np.float64) / np.linalg.norm(features, axis=1, keepdims=True)
    every = unit @ unit.T
    expected = [(i, j) for i in range(100) for j in range(i + 1, 100) if every[i, j] >= 0.9]
    assert len(expected) > 50
    np.testing.assert_array_equal(close_pairs(features, 0.9), expected)


def test_length_does_not_matter_and_zeros_are_like_nothing():
    features = np.array([[0, 0], [1, 2], [0, 0], [10, 20], [-1, -2]], np.float32)
    np.testing.assert_array_equal(close_pairs(features, 0.99), [[1, 3]])


def test_no_rows_have_no_pairs():
    assert close_pairs(np.empty((0, 4), np.float32), 0.9).shape == (0, 2)


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="features must be finite"):
        close_pairs(np.array([[1.0, np.nan]]), 0.9)
