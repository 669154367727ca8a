"""Gradient penalties on the discriminator, in `keras.ops`.

They penalise the gradient of an image's logit with respect to the image, which the backend computes. The discriminator
runs in inference mode for it, at any interval: without dropout, and without updating the spectral norms.

An image may be a stack of k pictures with a logit each, `(n, size, size, 3 k)`. Each picture then has its own gradient.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from pedigree.settings.train import Train

Tensor = Any


def penalised(train: Train) -> bool:
    """Return whether any gradient penalty has a weight above 0."""
    return max(train.r1_weight, train.r2_weight, train.gradient_penalty_weight) > 0


def gradient_penalty(
    train: Train, image_gradients: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor
) -> Tensor:
    """Return the weighted sum of the penalties. Only the gradients that have a weight are computed.

    Args:
        train: the weights.
        image_gradients: a function from images to the gradients of their logits, both `(n, size, size, 3)`.
        real: real images `(n, size, size, 3)` in [-1, 1].
        fake: generated images of the same shape and breeds.
        mixing: interpolation weights `(n, 1)` in [0, 1], as in `mixed`.
    """
    penalties = []
    if train.r1_weight:
        penalties.append(train.r1_weight / 2 * squared_norm_penalty(image_gradients(real)))
    if train.r2_weight:
        penalties.append(train.r2_weight / 2 * squared_norm_penalty(image_gradients(fake)))
    if train.gradient_penalty_weight:
        penalties.append(train.gradient_penalty_weight * unit_norm_penalty(image_gradients(mixed(real, fake, mixing))))
    return sum(penalties, ops.zeros(()))


def squared_norm_penalty(gradients: Tensor) -> Tensor:
    """Return the mean over images of |gradient|², for `gradients` `(n, size, size, 3)`.

    R1 is γ/2 times this for real images, R2 for generated ones (Mescheder et al., 2018, equation 9).
    """
    return ops.mean(_squared_norms(gradients))


def unit_norm_penalty(gradients: Tensor) -> Tensor:
    """Return the mean over images of (|gradient| - 1)², for `gradients` `(n, size, size, 3)`.

    This is the penalty of Gulrajani et al. (2017). The norm has no derivative where the gradient is zero; 0 is used.
    """
    squares = _squared_norms(gradients)
    nonzero = squares > 0
    # The root's derivative at zero is infinite. The inner `where` keeps it out of the gradient.
    norms = ops.where(nonzero, ops.sqrt(ops.where(nonzero, squares, 1.0)), 0.0)
    return ops.mean(ops.square(norms - 1))


def mixed(real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
    """Interpolate between real and generated images, as in Gulrajani et al. (2017, algorithm 1).

    Args:
        real: real images `(n, size, size, 3)`.
        fake: generated images of the same shape.
        mixing: weights of the real images `(n, 1)` in [0, 1].

    Returns:
        Images of the same shape.
    """
    share = ops.reshape(mixing, (-1, 1, 1, 1))
    return share * real + (1 - share) * fake


def _squared_norms(gradients: Tensor) -> Tensor:
    """Return the squared norm of each picture's gradient, `(n, k)`."""
    squares = ops.square(ops.cast(gradients, "float32"))
    pictures = [squares[..., first : first + 3] for first in range(0, squares.shape[-1], 3)]
    return ops.stack([ops.sum(picture, axis=(1, 2, 3)) for picture in pictures], axis=1)
