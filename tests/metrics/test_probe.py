"""The linear probe: what it learns, what leaves it unmoved, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    ("features", "labels", "message"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), r"features must be .* Received: \(0, 3\)"),
        (np.full((2, 3), np.nan), np.zeros(2, int), "features must be finite. Received: 6"),
        (np.zeros((2, 3)), np.zeros(3, int), r"labels must be \(2,\) integers. Received: \(3,\)"),
        (np.zeros((2, 3)), np.zeros(2), "labels must be .* Received: .* float64"),
        (np.zeros((2, 3)), np.array([0, 2]), r"labels must be in 0..1. Received: 0..2"),
        (np.zeros((2, 3)), np.array([-1, 0]), r"labels must be in 0..1. Received: -1..0"),
    ],
)
def test_what_is_no_labelled_sample_is_refused(features, labels, message):
    with pytest.raises(ValueError, match=message):
        probe.fit(features, labels, 2)


def test_a_sample_that_is_moved_and_stretched_as_a_whole_is_read_as_well():
    probed = probe.fit(*blobs(0, 200, 30, 3.0), 3)
    fresh, truth = blobs(1, 200, 30, 3.0)
    rng = np.random.default_rng(2)
    moved = fresh * rng.uniform(0.2, 3, 30) + rng.normal(0, 20, 30)
    plain = probe.accuracy(probed.predict(fresh), truth)
    assert plain > 0.9
    assert probe.accuracy(probed.predict(moved), truth) > plain - 0.02


def test_few_pictures_are_read_as_well_as_many_and_one_alone_too():
    probed = probe.fit(*blobs(0, 60, 30, 8.0), 3)
    fresh, truth = blobs(1, 60, 30, 8.0)
    for rows in (1, 2, 5):
        apart = [probed.predict(fresh[start : start + rows]) for start in range(0, len(fresh), rows)]
        assert probe.accuracy(np.concatenate(apart), truth) > 0.98


def test_pictures_that_are_all_the_same_get_the_same_label_and_the_accuracy_of_chance():
    probed = probe.fit(*blobs(0, 60, 30, 8.0), 3)
    truth = blobs(1, 60, 30, 8.0)[1]
    predicted = probed.predict(np.full((len(truth), 30), 0.3))
    assert len(set(predicted)) == 1
    assert probe.accuracy(predicted, truth) == pytest.approx(1 / 3)


def test_pictures_that_ignore_the_label_asked_for_are_at_chance_however_clear_they_are():
    features, labels = blobs(0, 100, 20, 5.0)
    probed = probe.fit(features, labels, 3, [(features + 1.0, labels)])
    fresh, truth = blobs(1, 300, 20, 5.0)
    asked = np.random.default_rng(3).permutation(truth)
    found = probe.accuracy(probed.predict(fresh * 0.3 + 4.0), asked)
    assert abs(found - probe.chance(asked)) < 4 * found.standard_error


def damaged(features, seed):
    """Without the first three features, which tell most, as if fine detail were gone; coarse ones remain."""
    noise = np.random.default_rng(seed).normal(size=(len(features), 3))
    return np.hstack([5.0 * noise, features[:, 3:]])


def clouds_with_a_coarse_side(seed, per_class=150):
    features, labels = blobs(seed, per_class, 20, 6.0)
    return np.hstack([features, blobs(seed + 100, per_class, 20, 4.0)[0]]), labels


@pytest.mark.parametrize("chosen", [slice(None), slice(1, None, 3)])
def test_damaged_copies_of_all_or_some_make_it_read_damaged_pictures_and_undamaged_ones_no_worse(chosen):
    features, labels = clouds_with_a_coarse_side(0)
    fresh, truth = clouds_with_a_coarse_side(1)
    copies = damaged(features, 2)[chosen], labels[chosen]
    without, with_copies = probe.fit(features, labels, 3), probe.fit(features, labels, 3, [copies])
    hurt = damaged(fresh, 3)
    gain = probe.accuracy(with_copies.predict(hurt), truth) - probe.accuracy(without.predict(hurt), truth)
    assert gain > 0.1
    assert probe.accuracy(with_copies.predict(fresh), truth) > probe.accuracy(without.predict(fresh), truth) - 0.01


def test_few_copies_cost_undamaged_pictures_little():
    features, labels = blobs(0, 200, 150, 2.5)
    fresh, truth = blobs(1, 500, 150, 2.5)
    few = features[::12] + np.random.default_rng(2).normal(0, 2, (50, 150)), labels[::12]
    plain, more = probe.fit(features, labels, 3), probe.fit(features, labels, 3, [few])
    assert (
        probe.accuracy(more.predict(fresh), truth) > probe.accuracy(plain.predict(fresh), truth) - 0.06
    )  # with equal weights 0.12 less


def test_copies_that_repeat_the_pictures_change_nothing():
    features, labels = blobs(0, 50, 12, 1.5)
    fresh, _ = blobs(1, 50, 12, 1.5)
    plain, repeated = probe.fit(features, labels, 3), probe.fit(features, labels, 3, [(features, labels)] * 2)
    np.testing.assert_allclose(repeated.weights, plain.weights, rtol=1e-9)
    np.testing.assert_array_equal(repeated.predict(fresh), plain.predict(fresh))


@pytest.mark.parametrize("share", [0.15, 0.5, 0.95])
@pytest.mark.parametrize("rows", [60, 1000])
def test_the_standard_error_is_how_far_the_accuracy_of_fresh_pictures_scatters(share, rows):
    rng = np.random.default_rng(0)
    labels = np.zeros(rows, int)
    found = [probe.accuracy((rng.random(rows) > share).astype(int), labels) for _ in range(1500)]
    assert np.mean([one.standard_error for one in found]) == pytest.approx(np.std(found), rel=0.25)


def test_the_standard_error_holds_though_a_sample_is_standardised_by_itself():
    probed = probe.fit(*blobs(0, 100, 10, 1.5), 3)
    found = []
    for seed in range(1, 400):
        fresh, truth = blobs(seed, 30, 10, 1.5)
        found.append(probe.accuracy(probed.predict(fresh), truth))
    assert 0.6 < np.mean(found) < 0.9
    assert np.mean([one.standard_error for one in found]) == pytest.approx(np.std(found), rel=0.25)


def test_being_always_right_or_always_wrong_is_not_certain():
    labels = np.zeros(100, int)
    for predicted in (labels, labels + 1):
        found = probe.accuracy(predicted, labels)
        assert found in (0.0, 1.0)
        assert 0.005 < found.standard_error < 0.02


def test_two_breeds_with_swapped_labels_are_each_mistaken_for_the_other_and_no_third_is():
    probed = probe.fit(*blobs(0, 60, 12, 9.0, classes=4), 4)
    fresh, truth = blobs(1, 60, 12, 9.0, classes=4)
    asked = np.array([0, 2, 1, 3])[truth]
    seen = probe.confusion(probed.predict(fresh), asked, 4)
    assert min(seen[1, 2], seen[2, 1], seen[0, 0], seen[3, 3]) > 0.98
    others, shares = probe.mistaken_for(seen)
    assert list(others[1:3]) == [2, 1]
    np.testing.assert_array_equal(shares[1:3], [seen[1, 2], seen[2, 1]])


@given(
    pairs=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60),
)
def test_confusion_shares_out_each_breed_and_agrees_with_accuracy(pairs):
    predicted, labels = np.array(pairs).T
    seen = probe.confusion(predicted, labels, 5)
    asked = np.bincount(labels, minlength=5)
    assert (np.isnan(seen).all(axis=1) == (asked == 0)).all()
    np.testing.assert_allclose(seen[asked > 0].sum(axis=1), 1.0)
    np.testing.assert_array_equal(np.diag(seen), probe.accuracy_per_class(predicted, labels, 5))
    np.testing.assert_allclose(np.nansum(seen * asked[:, None], axis=0), np.bincount(predicted, minlength=5))
    assert np.nansum(np.diag(seen) * asked) / len(labels) == pytest.approx(probe.accuracy(predicted, labels))


def test_the_breed_mistaken_for_is_the_commonest_wrong_one_or_none():
    seen = np.array([[0.6, 0.1, 0.3, 0.0], [0.0, 1.0, 0.0, 0.0], [0.7, 0.2, 0.1, 0.0], [np.nan] * 4])
    before = seen.copy()
    others, shares = probe.mistaken_for(seen)
    np.testing.assert_array_equal(others, [2, -1, 0, -1])
    np.testing.assert_array_equal(shares, [0.3, np.nan, 0.7, np.nan])
    np.testing.assert_array_equal(seen, before)


@pytest.mark.parametrize(
    ("copies", "labels", "message"),
    [
        (np.zeros((2, 4)), np.zeros(2, int), r"same dimension. Received: features \(2, 3\), copies \(2, 4\)"),
        (np.full((2, 3), np.inf), np.zeros(2, int), "copies must be finite. Received: 6"),
        (np.zeros((2, 3)), np.zeros(1, int), r"labels must be \(2,\) integers. Received: \(1,\)"),
        (np.zeros((0, 3)), np.zeros(0, int), r"copies must be .* Received: \(0, 3\)"),
    ],
)
def test_copies_that_do_not_fit_the_pictures_are_refused(copies, labels, message):
    with pytest.raises(ValueError, match=message):
        probe.fit(np.zeros((2, 3)), np.zeros(2, int), 2, [(copies, labels)])


def test_a_sample_of_several_blocks_is_learned_and_read_as_in_one(monkeypatch):
    features, labels = blobs(0, 50, 12, 1.5)
    fresh, _ = blobs(1, 50, 12, 1.5)
    whole = probe.fit(features, labels, 3, [(fresh, labels)])
    monkeypatch.setattr(probe, "_ROWS_AT_ONCE", 40)
    parts = probe.fit(features, labels, 3, [(fresh, labels)])
    np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-9)
    np.testing.assert_array_equal(parts.predict(fresh), whole.predict(fresh))
