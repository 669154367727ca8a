"""A linear probe: the breed that features tell of, learned from real photos. Works for any labelled folders."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_features

# Ridge regression's penalty as a share of the standardised features' mean square: 1 shrinks all their correlations
# half way to none. On two sets of real dogs, at 32 and 64 px, leave-one-out error was least between 1.2 and 1.7 and
# flat from 0.5 to 4, and held-out accuracy was that of logistic regression at its best penalty to within two points.
_PENALTY = 1.0

Labels = NDArray[np.integer]


@dataclass(frozen=True)
class Probe:
    """A linear classifier of `(n, d)` features into `classes` labels 0, 1, …"""

    mean: NDArray[np.float64]
    weights: NDArray[np.float64]
    shares: NDArray[np.float64]

    def predict(self, features: NDArray[np.floating]) -> Labels:
        """Return the likeliest label of each row, `(n,)`."""
        return np.asarray(((features - self.mean) @ self.weights + self.shares).argmax(axis=1))


def fit(features: NDArray[np.floating], labels: Labels, classes: int) -> Probe:
    """Fit ridge regression of the labels, one column a class, on standardised features.

    Args:
        features: `(n, d)`; computed in float64.
        labels: `(n,)` in 0..classes-1.
        classes: how many there are, whether or not all of them occur.

    Raises:
        ValueError: no rows, features not finite, or labels that do not fit them.
    """
    check_features(features=features)
    _check_labels(labels, len(features), classes)
    exact = features.astype(np.float64)
    mean, deviation = exact.mean(axis=0), exact.std(axis=0)
    deviation[deviation == 0] = 1.0  # a feature that never varies says nothing; it stays at 0
    standard = (exact - mean) / deviation
    targets = np.eye(classes)[labels]
    correlations = standard.T @ standard / len(standard)
    correlations[np.diag_indices_from(correlations)] += _PENALTY
    weights = np.linalg.solve(correlations, standard.T @ (targets - targets.mean(axis=0)) / len(standard))
    return Probe(mean, weights / deviation[:, None], targets.mean(axis=0))


def accuracy(predicted: Labels, labels: Labels) -> float:
    """Return the share of predictions that are right."""
    return float((predicted == labels).mean())


def accuracy_per_class(predicted: Labels, labels: Labels, classes: int) -> NDArray[np.float64]:
    """Return the share of right predictions among each class's rows, `(classes,)`; NaN where it has none."""
    rows = np.bincount(labels, minlength=classes)
    right = np.bincount(labels[predicted == labels], minlength=classes)
    shares: NDArray[np.float64] = np.full(classes, np.nan)
    np.divide(right, rows, out=shares, where=rows > 0)
    return shares


def chance(labels: Labels) -> float:
    """Return the accuracy that the right breeds in a random order would have on average: the sum of squared shares."""
    shares = np.bincount(labels) / len(labels)
    return float(shares @ shares)


def _check_labels(labels: Labels, rows: int, classes: int) -> None:
    if labels.shape != (rows,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be ({rows},) integers. Received: {labels.shape} {labels.dtype}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must be in 0..{classes - 1}. Received: {labels.min()}..{labels.max()}")
