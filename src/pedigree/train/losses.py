"""Adversarial losses and the auxiliary classifier's loss, in `keras.ops`: from logits to a scalar, in float32."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

Tensor = Any


@dataclass(frozen=True)
class AdversarialLoss:
    """A pair of formulas, one that the discriminator minimises and one that the generator minimises.

    Attributes:
        discriminator_formula: real logits, generated logits and the targets of both → loss.
        generator_formula: generated logits → loss; a paired loss takes the real logits too.
        soft_labels: whether targets between 0 and 1 have a meaning.
        flipped_labels: whether a real image may have the target of a generated one, and the reverse.
        signed: whether a positive logit means that the discriminator classifies the image as real.
        paired: whether each generated image is compared with one real image.
        lipschitz: whether the loss needs a discriminator with bounded gradients. Such a loss has no lower bound.
    """

    discriminator_formula: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    generator_formula: Callable[..., Tensor]
    soft_labels: bool = False
    flipped_labels: bool = False
    signed: bool = True
    paired: bool = False
    lipschitz: bool = False

    def discriminator(
        self, real_logits: Tensor, fake_logits: Tensor, real_targets: Tensor, fake_targets: Tensor
    ) -> Tensor:
        """Return the discriminator's loss for logits `(n, 1)` and targets `(n, 1)` in [0, 1], where 1 means real."""
        return self.discriminator_formula(*_float32(real_logits, fake_logits, real_targets, fake_targets))

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """Return the generator's loss for logits `(n, 1)`. Only a paired loss needs the real logits."""
        return self.generator_formula(*_float32(fake_logits, *([real_logits] if self.paired else [])))


def classification(class_logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of `class_logits` `(n, breeds)` for the breeds `labels` `(n,)`.

    With an auxiliary classifier, it is added to the losses of both networks (Odena et al., 2017, equation 3).
    """
    return ops.mean(ops.sparse_categorical_crossentropy(labels, *_float32(class_logits), from_logits=True))


def _float32(*tensors: Tensor) -> list[Tensor]:
    return [ops.cast(tensor, "float32") for tensor in tensors]


def _binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return ops.mean(ops.softplus(logits) - targets * logits)


def _cross_entropy_discriminator(real: Tensor, fake: Tensor, real_targets: Tensor, fake_targets: Tensor) -> Tensor:
    return _binary_cross_entropy(real, real_targets) + _binary_cross_entropy(fake, fake_targets)


def _hinge_discriminator(real: Tensor, fake: Tensor, real_targets: Tensor, fake_targets: Tensor) -> Tensor:
    """Return the hinge loss. It is zero for logits above 1 where the target is 1, and below -1 where it is 0."""
    return ops.mean(ops.relu(1 - (2 * real_targets - 1) * real)) + ops.mean(ops.relu(1 - (2 * fake_targets - 1) * fake))


def _least_squares_discriminator(real: Tensor, fake: Tensor, real_targets: Tensor, fake_targets: Tensor) -> Tensor:
    return (ops.mean(ops.square(real - real_targets)) + ops.mean(ops.square(fake - fake_targets))) / 2


def _wasserstein_discriminator(real: Tensor, fake: Tensor, _real_targets: Tensor, _fake_targets: Tensor) -> Tensor:
    return ops.mean(fake) - ops.mean(real)


def _relativistic_discriminator(real: Tensor, fake: Tensor, _real_targets: Tensor, _fake_targets: Tensor) -> Tensor:
    return ops.mean(ops.softplus(fake - real))


LOSSES = {
    # Goodfellow et al. (2014), equation 1: the generator minimises log(1 - sigmoid(logit)).
    "minimax": AdversarialLoss(
        _cross_entropy_discriminator,
        lambda fake: -ops.mean(ops.softplus(fake)),
        soft_labels=True,
        flipped_labels=True,
    ),
    # Goodfellow et al. (2014), section 3: it maximises log(sigmoid(logit)) instead, whose gradient does not vanish.
    "non-saturating": AdversarialLoss(
        _cross_entropy_discriminator,
        lambda fake: ops.mean(ops.softplus(-fake)),
        soft_labels=True,
        flipped_labels=True,
    ),
    # Lim and Ye (2017); Miyato et al. (2018), equations 16 and 17.
    "hinge": AdversarialLoss(_hinge_discriminator, lambda fake: -ops.mean(fake), flipped_labels=True),
    # Mao et al. (2017), equation 9.
    "least-squares": AdversarialLoss(
        _least_squares_discriminator,
        lambda fake: ops.mean(ops.square(fake - 1)) / 2,
        soft_labels=True,
        flipped_labels=True,
    ),
    # Arjovsky et al. (2017), algorithm 1.
    "wasserstein": AdversarialLoss(
        _wasserstein_discriminator, lambda fake: -ops.mean(fake), signed=False, lipschitz=True
    ),
    # Jolicoeur-Martineau (2019); Huang et al. (2025), equation 2: each generated image against one real image.
    "relativistic": AdversarialLoss(
        _relativistic_discriminator, lambda fake, real: ops.mean(ops.softplus(real - fake)), signed=False, paired=True
    ),
}
