"""Out-of-fold scores: the scores of a linear probe for rows outside its training folds. They find wrong labels."""

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_features, check_labels
from pedigree.metrics.probe import PENALTY

Labels = NDArray[np.integer]


def out_of_fold_scores(features: NDArray[np.floating], labels: Labels, folds: Labels) -> NDArray[np.float64]:
    """Return the probe's score of each class for each row, from a probe that has not seen the row's fold.

    The probe is a ridge regression of the labels, with one column per class, on features that are standardised over all
    rows. A score is about the probability of the class; the scores of a row sum to 1.

    Args:
        features: `(n, d)`; products are computed in their own precision, and added in float64.
        labels: `(n,)` in 0..classes-1.
        folds: `(n,)` integers of any value. Rows that belong together, such as copies of one picture, need the same.

    Returns:
        `(n, classes)`. All are 0 if there is only one fold, because there is nothing to learn from.

    Raises:
        ValueError: there are no rows, features are not finite, or labels or folds do not match the features.
    """
    check_features(features=features)
    classes = int(labels.max(initial=-1)) + 1
    check_labels(labels, len(features), classes)
    folds = np.unique(folds, return_inverse=True)[1]
    check_labels(folds, len(features), len(features))
    targets = np.eye(classes)[labels]
    parts = [np.flatnonzero(folds == fold) for fold in range(folds.max() + 1)]
    mean = features.mean(axis=0, dtype=np.float64)
    variance = sum(np.square(features[rows] - mean).sum(axis=0) for rows in parts) / len(features)
    deviation = np.sqrt(variance)
    deviation[deviation == 0] = 1.0  # a constant feature has no information

    def standardised(rows: NDArray[np.intp]) -> NDArray[np.floating]:
        return np.asarray((features[rows] - mean) / deviation, features.dtype)

    sums = [_sums(standardised(rows), targets[rows]) for rows in parts]
    whole = [sum(pieces) for pieces in zip(*sums, strict=True)]
    scores = np.zeros((len(features), classes))
    for rows, own in zip(parts, sums, strict=True):
        products, towards, totals, counts = (every - part for every, part in zip(whole, own, strict=True))
        others = len(features) - len(rows)
        if others:
            shares = counts / others
            penalised = products / others + PENALTY * np.eye(len(products))
            weights = np.linalg.solve(penalised, (towards - np.outer(totals, shares)) / others)
            scores[rows] = standardised(rows) @ weights + shares
    return scores


def _sums(standard: NDArray[np.floating], targets: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return the sums over rows that a regression needs. Those of other folds are the whole's minus a fold's."""
    products = (standard.T @ standard).astype(np.float64)
    return products, standard.T @ targets, standard.sum(axis=0, dtype=np.float64), targets.sum(axis=0)
