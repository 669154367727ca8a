"""One training step of the CycleGAN: both generators in one update, then both discriminators, in `keras.ops`.

Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks" (2017), section 3; the
losses are least squares, as in section 4, and the identity loss is that of section 5.2.
"""

from typing import Any

from keras import ops

from pedigree.backends.engine import Metrics, Tensor
from pedigree.train.losses import LOSSES
from pedigree.train.step import gradient_norms, scaled, share
from pedigree.translate.gan import CycleGAN, trainable

LEAST_SQUARES = LOSSES["least-squares"]
BREEDS = (0, 1)


def train_step(gan: CycleGAN, batch: Any) -> Metrics:
    """Update the generators, the discriminators and the averages of the generators once.

    Args:
        gan: the networks and their optimizers.
        batch: the input of one step, as `batches.stacked` describes it.

    Returns:
        The losses, logits, accuracies and gradient norms.
    """
    real = [scaled(batch["images"][breed]) for breed in BREEDS]
    metrics, drawn = generator_step(gan, real)
    shown = [exchanged(gan, breed, drawn[breed], batch) for breed in BREEDS]
    metrics |= discriminator_step(gan, real, shown)
    gan.update_average()
    return metrics


def generator_step(gan: CycleGAN, real: list[Tensor]) -> tuple[Metrics, list[Tensor]]:
    """Update both generators once.

    Args:
        gan: the networks and their optimizers.
        real: photos of each breed, `(n, size, size, 3)` in [-1, 1].

    Returns:
        The metrics, and the translations to each breed.
    """

    def objective() -> tuple[Tensor, Metrics]:
        drawn, kept = zip(*(_translated(gan, breed, real) for breed in BREEDS), strict=True)
        back = [gan.generators[breed](drawn[1 - breed], training=True) for breed in BREEDS]
        logits = [gan.discriminators[breed](drawn[breed], training=True) for breed in BREEDS]
        adversarial = sum(2 * LEAST_SQUARES.generator(each) for each in logits)  # the paper has no factor of one half
        cycle = sum(_difference(one, other) for one, other in zip(back, real, strict=True))
        identity = sum(_difference(one, other) for one, other in zip(kept, real, strict=True))
        settings = gan.settings
        loss = adversarial + settings.cycle_weight * cycle + settings.identity_weight * identity
        metrics = {
            "generator_loss": loss,
            "adversarial_loss": adversarial,
            "cycle_loss": cycle,
            "identity_loss": identity,
        }
        return loss, metrics | {f"drawn {breed}": drawn[breed] for breed in BREEDS}

    variables = trainable(gan.generators)
    metrics, gradients = gan.engine.gradients(objective, variables)
    gan.engine.apply(gan.generator_optimizer, gradients, variables)
    drawn = [metrics.pop(f"drawn {breed}") for breed in BREEDS]
    return metrics | gradient_norms("generator", gradients), drawn


def discriminator_step(gan: CycleGAN, real: list[Tensor], shown: list[Tensor]) -> Metrics:
    """Update both discriminators once.

    Args:
        gan: the networks and their optimizers.
        real: photos of each breed, `(n, size, size, 3)` in [-1, 1].
        shown: translations to each breed, of the same shape.
    """

    def objective() -> tuple[Tensor, Metrics]:
        pairs = [_logits(gan, breed, real[breed], shown[breed]) for breed in BREEDS]
        loss = sum(LEAST_SQUARES.discriminator(*pair, 1.0, 0.0) for pair in pairs)
        on_real, on_drawn = (ops.stack(each) for each in zip(*pairs, strict=True))
        return loss, {
            "discriminator_loss": loss,
            "real_logit": ops.mean(on_real),
            "fake_logit": ops.mean(on_drawn),
            "logit_gap": ops.mean(ops.abs(on_real - on_drawn)),
            "real_accuracy": share(on_real > 0.5),
            "fake_accuracy": share(on_drawn < 0.5),
        }

    variables = trainable(gan.discriminators)
    metrics, gradients = gan.engine.gradients(objective, variables)
    gan.engine.apply(gan.discriminator_optimizer, gradients, variables)
    return metrics | gradient_norms("discriminator", gradients)


def exchanged(gan: CycleGAN, breed: int, drawn: Tensor, batch: Any) -> Tensor:
    """Put translations to a breed into its pool, and return what its discriminator is shown: `batches.pool_places`."""
    if not gan.pools:
        return drawn
    pool, slots = gan.pools[breed], batch["slots"][breed]
    before = ops.take(pool, slots, axis=0)
    stored = ops.where(batch["stored"][breed], drawn, before)
    pool.assign(ops.scatter_update(pool, slots[:, None], stored))
    return ops.where(batch["returned"][breed], before, drawn)


def _translated(gan: CycleGAN, breed: int, real: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the translations of the other breed's photos, and of its own, which should not change, in one pass."""
    generator, own, other = gan.generators[breed], real[breed], real[1 - breed]
    if not gan.settings.identity_weight:
        return generator(other, training=True), own
    drawn, kept = ops.split(generator(ops.concatenate([other, own]), training=True), 2)
    return drawn, kept


def _logits(gan: CycleGAN, breed: int, real: Tensor, shown: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits of photos and of translations: one pass, because instance norm mixes no pictures."""
    real_logits, shown_logits = ops.split(gan.discriminators[breed](ops.concatenate([real, shown]), training=True), 2)
    return real_logits, shown_logits


def _difference(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean absolute difference of pictures in [-1, 1]."""
    return ops.mean(ops.abs(one - other))
