"""Penalties on the discriminator's slope, in `keras.ops`.

A slope is the gradient of a picture's logit by that picture. Who takes it is the backend; here it is judged.
"""

from typing import Any

from keras import ops

Tensor = Any


def squared_slope(slopes: Tensor) -> Tensor:
    """Return the mean over pictures of |slope|², of `slopes` `(n, size, size, 3)`.

    R1 is this on real pictures, R2 on drawn ones, each times half its weight: γ/2 E|∇D|² (Mescheder et al., 2018,
    equation 9). The half is the caller's.
    """
    return ops.mean(_squares(slopes))


def unit_slope(slopes: Tensor) -> Tensor:
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
