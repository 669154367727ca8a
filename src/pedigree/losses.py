"""Adversarial losses, in `keras.ops`: logits `(n, 1)` in, a scalar out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

Tensor = Any


@dataclass(frozen=True)
class AdversarialLoss:
    """A pair: what the discriminator and what the generator make small.

    `discriminator(real_logits, fake_logits, real_targets, fake_targets)`, targets `(n, 1)` in [0, 1];
    `generator(fake_logits)`.
    """

    discriminator: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


def _binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return ops.mean(ops.softplus(logits) - targets * logits)


def _non_saturating_discriminator(real: Tensor, fake: Tensor, real_targets: Tensor, fake_targets: Tensor) -> Tensor:
    return _binary_cross_entropy(real, real_targets) + _binary_cross_entropy(fake, fake_targets)


def _hinge_discriminator(real: Tensor, fake: Tensor, real_targets: Tensor, fake_targets: Tensor) -> Tensor:
    """A target t turns the margin's side: t = 1 asks for a logit above 1, t = 0 for one below -1."""
    return ops.mean(ops.relu(1 - (2 * real_targets - 1) * real)) + ops.mean(ops.relu(1 - (2 * fake_targets - 1) * fake))


# Goodfellow et al. (2014), section 3, the generator's loss in its non-saturating form; Lim and Ye (2017).
LOSSES = {
    "non-saturating": AdversarialLoss(_non_saturating_discriminator, lambda fake: ops.mean(ops.softplus(-fake))),
    "hinge": AdversarialLoss(_hinge_discriminator, lambda fake: -ops.mean(fake)),
}
