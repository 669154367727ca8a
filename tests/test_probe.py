"""The linear probe: what it learns, what leaves it unmoved, and what it refuses."""

import numpy as np
import pytest

from pedigree.metrics import probe


def blobs(seed, per_class, dimension, apart, classes=3):
    """Normal clouds around `classes` corners of a simplex."""
    labels = np.repeat(np.arange(classes, dtype=np.int32), per_class)
    noise = np.random.default_rng(seed).normal(size=(len(labels), dimension))
    return noise + apart * np.eye(classes, dimension)[labels], labels


@pytest.mark.parametrize(("dimension", "least"), [(5, 0.99), (100, 0.99), (400, 0.8)])
def test_clouds_far_apart_are_told_apart_with_more_or_fewer_rows_than_features(dimension, least):
    probed = probe.fit(*blobs(0, 60, dimension, 12.0), 3)
    features, labels = blobs(1, 60, dimension, 12.0)
    assert probe.accuracy(probed.predict(features), labels) > least


def test_two_clouds_meet_the_accuracy_that_theory_allows():
    probed = probe.fit(*blobs(0, 4000, 4, 2.0, classes=2), 2)
    features, labels = blobs(1, 4000, 4, 2.0, classes=2)
    best = 0.9214  # of a standard normal below half the distance between the means, sqrt(2)
    assert probe.accuracy(probed.predict(features), labels) == pytest.approx(best, abs=0.01)


def test_shuffled_labels_leave_only_chance():
    features, labels = blobs(0, 100, 20, 5.0)
    probed = probe.fit(features, np.random.default_rng(2).permutation(labels), 3)
    fresh, truth = blobs(1, 300, 20, 5.0)
    assert abs(probe.accuracy(probed.predict(fresh), truth) - probe.chance(truth)) < 0.25
    assert probe.accuracy(probe.fit(features, labels, 3).predict(fresh), truth) > 0.95


def test_scale_shift_and_order_of_features_and_rows_do_not_matter():
    features, labels = blobs(0, 50, 12, 1.5)
    fresh, _ = blobs(1, 50, 12, 1.5)
    rng = np.random.default_rng(3)
    scale, shift, columns, rows = (
        rng.uniform(0.01, 100, 12),
        rng.normal(size=12),
        rng.permutation(12),
        rng.permutation(150),
    )
    plain = probe.fit(features, labels, 3).predict(fresh)
    changed = probe.fit(((features * scale + shift)[:, columns])[rows], labels[rows], 3)
    np.testing.assert_array_equal(changed.predict((fresh * scale + shift)[:, columns]), plain)


def test_a_feature_that_never_varies_changes_nothing():
    features, labels = blobs(0, 50, 12, 1.5)
    constant = np.full((len(features), 1), 7.0)
    with_constant = np.hstack([features, constant])
    plain = probe.fit(features, labels, 3)
    np.testing.assert_array_equal(probe.fit(with_constant, labels, 3).predict(with_constant), plain.predict(features))


def test_a_class_without_rows_is_never_predicted_and_has_no_accuracy():
    features, labels = blobs(0, 50, 12, 5.0)
    predicted = probe.fit(features, labels, 4).predict(features)
    assert set(predicted) == {0, 1, 2}
    shares = probe.accuracy_per_class(predicted, labels, 4)
    assert np.isnan(shares[3])
    assert np.average(shares[:3], weights=np.bincount(labels)) == pytest.approx(probe.accuracy(predicted, labels))


def test_accuracy_per_class_counts_rows_of_the_asked_for_class():
    asked, predicted = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 0, 1])
    np.testing.assert_allclose(probe.accuracy_per_class(predicted, asked, 2), [0.75, 0.5])


def test_chance_is_what_shuffling_gives_on_average():
    labels = np.repeat([0, 1, 2], [70, 20, 10])
    rng = np.random.default_rng(0)
    shuffled = [probe.accuracy(rng.permutation(labels), labels) for _ in range(2000)]
    assert probe.chance(labels) == pytest.approx(np.mean(shuffled), abs=0.005)
    assert probe.chance(np.arange(8)) == pytest.approx(1 / 8)


@pytest.mark.parametrize(
    ("features", "labels", "told"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), r"features must be .* Received: \(0, 3\)"),
        (np.full((2, 3), np.nan), np.zeros(2, int), "features must be finite. Received: 6"),
        (np.zeros((2, 3)), np.zeros(3, int), r"labels must be \(2,\) integers. Received: \(3,\)"),
        (np.zeros((2, 3)), np.zeros(2), "labels must be .* Received: .* float64"),
        (np.zeros((2, 3)), np.array([0, 2]), r"labels must be in 0..1. Received: 0..2"),
        (np.zeros((2, 3)), np.array([-1, 0]), r"labels must be in 0..1. Received: -1..0"),
    ],
)
def test_what_is_no_labelled_sample_is_refused(features, labels, told):
    with pytest.raises(ValueError, match=told):
        probe.fit(features, labels, 2)
