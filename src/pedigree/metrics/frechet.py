"""The Fréchet distance between two samples of features, each taken for a normal distribution."""

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_features


def frechet_distance(real: NDArray[np.floating], generated: NDArray[np.floating]) -> float:
    """Measure how far apart two samples of features are.

    |m₁ − m₂|² + tr(S₁ + S₂ − 2(S₁^½ S₂ S₁^½)^½), with means m and unbiased covariances S (Dowson and Landau, 1982; used
    on features by Heusel et al., 2017, section 2). The trace of the root is the nuclear norm of A₁A₂ᵀ for any factors
    AᵀA = S, so no covariance is formed, nothing is squared, and samples smaller than their dimension need no care.

    It is biased upwards, the more so the smaller the samples: compare only distances at the same two sample sizes.

    Args:
        real, generated: `(n, d)` and `(m, d)` features; computed in float64.

    Returns:
        The distance, at least 0, in squared units of the features.

    Raises:
        ValueError: a sample has fewer than two rows or is not finite, or dimensions differ.
    """
    check_features(minimum=2, real=real, generated=generated)
    apart = real.mean(axis=0, dtype=np.float64) - generated.mean(axis=0, dtype=np.float64)
    one, other = _covariance_factor(real), _covariance_factor(generated)
    if min(len(real), len(generated)) > real.shape[1]:
        one, other = (np.asarray(np.linalg.qr(factor, mode="r")) for factor in (one, other))  # the same, but smaller
    overlap = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    return max(0.0, float(apart @ apart + np.vdot(one, one) + np.vdot(other, other) - 2.0 * overlap))


def _covariance_factor(sample: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return A, `(n, d)` with AᵀA the unbiased covariance of the `(n, d)` sample."""
    exact = sample.astype(np.float64)
    return np.asarray((exact - exact.mean(axis=0)) / np.sqrt(len(exact) - 1))
