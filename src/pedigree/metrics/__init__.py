"""Metrics: pure functions from features to numbers. One file per metric."""

import numpy as np
from numpy.typing import NDArray


def check_features(*, minimum: int = 1, **samples: NDArray[np.floating]) -> None:
    """Check that each sample is an `(n, d)` array of finite numbers, with n at least `minimum` and the same d for all.

    Raises:
        ValueError: a sample is not; the message has its name and what was received.
    """
    for name, sample in samples.items():
        if sample.ndim != 2 or len(sample) < minimum or not sample.shape[1]:
            raise ValueError(f"{name} must be (n, d) features with n at least {minimum}. Received: {sample.shape}")
        if not np.isfinite(sample).all():
            raise ValueError(f"{name} must be finite. Received: {np.count_nonzero(~np.isfinite(sample))} that are not")
    if len({sample.shape[1] for sample in samples.values()}) > 1:
        shapes = ", ".join(f"{name} {sample.shape}" for name, sample in samples.items())
        raise ValueError(f"Features must have the same dimension. Received: {shapes}")


def check_labels(labels: NDArray[np.integer], rows: int, classes: int) -> None:
    """Check that `labels` are `(rows,)` integers in 0..classes-1.

    Raises:
        ValueError: they are not.
    """
    if labels.shape != (rows,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be ({rows},) integers. Received: {labels.shape} {labels.dtype}")
    if rows and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"labels must be in 0..{classes - 1}. Received: {labels.min()}..{labels.max()}")
