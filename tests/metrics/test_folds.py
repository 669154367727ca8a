"""Out-of-fold scores: a row is judged by what the others say."""

import numpy as np
import pytest

from pedigree.metrics.folds import out_of_fold_scores
from pedigree.metrics.probe import PENALTY


@pytest.fixture
def clouds():
    """Three clouds of 40 rows in 6 dimensions, and a fold for each row."""
    labels = np.repeat(np.arange(3), 40)
    noise = np.random.default_rng(0).normal(size=(120, 6))
    return noise + 4 * np.eye(3, 6)[labels], labels, np.arange(120) % 5


def test_the_scores_are_those_of_a_ridge_regression_on_the_other_folds(clouds):
    features, labels, folds = clouds
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    scores = out_of_fold_scores(features, labels, folds)
    for fold in range(5):
        others = folds != fold
        targets, rows = np.eye(3)[labels[others]], standard[others]
        shares = targets.mean(axis=0)
        weights = np.linalg.inv(rows.T @ rows / 96 + PENALTY * np.eye(6)) @ rows.T @ (targets - shares) / 96
        np.testing.assert_allclose(scores[~others], standard[~others] @ weights + shares, rtol=1e-9, atol=1e-12)


def test_labels_of_a_rows_own_fold_do_not_move_its_scores(clouds):
    features, labels, folds = clouds
    changed = np.where(folds == 2, (labels + 1) % 3, labels)
    before, after = out_of_fold_scores(features, labels, folds), out_of_fold_scores(features, changed, folds)
    np.testing.assert_allclose(after[folds == 2], before[folds == 2], atol=1e-12)
    assert np.abs(after - before)[folds != 2].max() > 0.01


def test_a_wrong_label_scores_below_the_right_one(clouds):
    features, labels, folds = clouds
    given = labels.copy()
    given[[3, 50, 90]] = [1, 2, 0]
    scores = out_of_fold_scores(features, given, folds)
    assert list(scores[[3, 50, 90]].argmax(axis=1)) == [0, 1, 2]
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-9)


def test_float32_features_give_the_same_scores_to_five_digits(clouds):
    features, labels, folds = clouds
    single = out_of_fold_scores(features.astype(np.float32), labels, folds)
    np.testing.assert_allclose(single, out_of_fold_scores(features, labels, folds), atol=1e-5)


def test_folds_may_have_any_numbers_and_a_constant_feature_changes_nothing(clouds):
    features, labels, folds = clouds
    expected = out_of_fold_scores(features, labels, folds)
    constant = np.hstack([features, np.full((120, 1), 7.0)])
    np.testing.assert_allclose(out_of_fold_scores(constant, labels, 100 * folds - 7), expected, atol=1e-9)


def test_with_one_fold_nothing_is_known(clouds):
    features, labels, _ = clouds
    assert not out_of_fold_scores(features, labels, np.zeros(120, int)).any()


def test_what_does_not_match_is_refused(clouds):
    features, labels, folds = clouds
    with pytest.raises(ValueError, match=r"must be \(120,\) integers"):
        out_of_fold_scores(features, labels, folds[:-1])
    with pytest.raises(ValueError, match="n at least 1"):
        out_of_fold_scores(features[:0], labels[:0], folds[:0])
