"""Penalties on the discriminator's slope, in `keras.ops`.

A slope is the gradient of a picture's logit with respect to that picture. The backend computes it; here it is
penalised. The discriminator runs in inference mode for it, whatever the interval: no dropout, and spectral norms as
they stand.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from pedigree.settings.train import Train

Tensor = Any


def penalised(train: Train) -> bool:
    """Whether any penalty on the discriminator's slope is on."""
    return max(train.r1_weight, train.r2_weight, train.gradient_penalty_weight) > 0


def gradient_penalty(
    train: Train, slopes: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor
) -> Tensor:
    """Return the weighted sum of the penalties that are on; slopes that no weight needs are not computed.

    Args:
        train: the weights.
        slopes: returns the discriminator's slopes at pictures, both `(n, size, size, 3)`.
        real: real pictures `(n, size, size, 3)` in [-1, 1].
        fake: generated pictures, of the same shape and breeds.
        mixing: `(n, 1)` in [0, 1], as in `mixed`.
    """
    penalties = []
    if train.r1_weight:
        penalties.append(train.r1_weight / 2 * squared_norm_penalty(slopes(real)))
    if train.r2_weight:
        penalties.append(train.r2_weight / 2 * squared_norm_penalty(slopes(fake)))
    if train.gradient_penalty_weight:
        penalties.append(train.gradient_penalty_weight * unit_norm_penalty(slopes(mixed(real, fake, mixing))))
    return sum(penalties, ops.zeros(()))


def squared_norm_penalty(slopes: Tensor) -> Tensor:
    """Return the mean over pictures of |slope|², of `slopes` `(n, size, size, 3)`.

    R1 is γ/2 times this at real pictures, R2 at generated ones (Mescheder et al., 2018, equation 9).
    """
    return ops.mean(_squares(slopes))


def unit_norm_penalty(slopes: Tensor) -> Tensor:
    """Return the mean over pictures of (|slope| - 1)², of `slopes` `(n, size, size, 3)` (Gulrajani et al., 2017).

    Where a slope is zero the norm has no derivative; 0 is taken.
    """
    squares = _squares(slopes)
    rises = squares > 0
    # Only choosing before the root too keeps its infinite derivative at zero out of the gradient.
    norms = ops.where(rises, ops.sqrt(ops.where(rises, squares, 1.0)), 0.0)
    return ops.mean(ops.square(norms - 1))


def mixed(real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
    """Return pictures `(n, size, size, 3)` between `real` (`mixing` 1) and `fake` (0); `mixing` is `(n, 1)`.

    Where Gulrajani et al. (2017, algorithm 1) want the slope to be 1.
    """
    share = ops.reshape(mixing, (-1, 1, 1, 1))
    return share * real + (1 - share) * fake


def _squares(slopes: Tensor) -> Tensor:
    return ops.sum(ops.square(ops.cast(slopes, "float32")), axis=(1, 2, 3))
