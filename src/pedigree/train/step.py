"""One training step: the discriminator's part, then the generator's, as two plain functions in `keras.ops`.

What must know the backend (gradients, optimizers over several devices) is the `Engine` of `pedigree.backends`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from keras import ops

from pedigree.backends.batch import Batch
from pedigree.backends.engine import Metrics, PullBack, Tensor
from pedigree.networks.heads import has_classifier
from pedigree.train.augmentation import adapted, augment
from pedigree.train.gan import ConditionalGAN
from pedigree.train.losses import classification
from pedigree.train.penalties import gradient_penalty, penalised


def compile_steps(gan: ConditionalGAN, capacity: int) -> Callable[[Batch], Metrics]:
    """Return a function that takes up to `capacity` steps at once, on the batch of `batches.stacked`.

    What it returns has one row per step: name → `(steps, ...)`.
    """
    steps = gan.engine.compile(partial(train_step, gan), gan.variables, capacity)

    def take(batch: Batch) -> Metrics:
        filled = {name: _filled(array, capacity) for name, array in batch.items()}
        return steps(filled, len(batch["images"]))

    return take


def train_step(gan: ConditionalGAN, batch: Batch) -> Metrics:
    """Train the discriminator `discriminator_steps` times, then the generator once, then average the generator.

    The generator draws its m pictures once: the discriminator's last update sees the first n of them, and the
    generator's gradient goes back through the same forward pass. Drawing again for the generator took
    `bench/step_time.py --draw-twice` 1.08 to 1.12 times as long.
    """
    for ramp in gan.ramps:
        ramp.assign(batch["condition_strength"])
    last = gan.train.discriminator_steps - 1
    for turn in range(last):
        fake = gan.generator([batch["early_latents"][turn], batch["labels"][turn]], training=True)
        discriminator_step(gan, batch, turn, fake)
    pictures, pull_back = gan.engine.forward(
        lambda: gan.generator([batch["latents"], batch["drawn_labels"]], training=True),
        gan.generator.trainable_variables,
    )
    facts = discriminator_step(gan, batch, last, pictures[: len(batch["labels"][last])])
    facts |= generator_step(gan, batch, pictures, pull_back)
    gan.update_average()
    return facts | {"augment_strength": ops.convert_to_tensor(gan.augment_strength)}


def discriminator_step(gan: ConditionalGAN, batch: Batch, turn: int, fake: Tensor) -> Metrics:
    """Update the discriminator once, on n real and n generated pictures of the same breeds.

    Args:
        gan: the networks and their optimizers.
        batch: one step's input.
        turn: which of the step's `discriminator_steps` updates, from 0.
        fake: generated pictures `(n, size, size, 3)` in [-1, 1] of the breeds `batch["labels"][turn]`.

    Returns:
        Losses, logits, accuracies and gradient norms of this update.
    """
    train, labels = gan.train, batch["labels"][turn]
    real = augment(scaled(batch["images"][turn]), batch["real_chances"][turn], train.augment, gan.augment_strength)
    fake = augment(fake, batch["fake_chances"][turn], train.augment, gan.augment_strength)

    def objective() -> tuple[Tensor, Metrics]:
        (real_logits, *classes), (fake_logits, *_) = _judge_both(gan, real, fake, labels)
        loss = gan.loss.discriminator(
            real_logits, fake_logits, batch["real_targets"][turn], batch["fake_targets"][turn]
        )
        penalty = _penalty(gan, real, fake, labels, batch["mixing"][turn])
        facts = {
            "discriminator_loss": loss,
            "gradient_penalty": penalty,
            "real_logit": ops.mean(real_logits),
            "fake_logit": ops.mean(fake_logits),
            "logit_gap": ops.mean(ops.abs(real_logits - fake_logits)),
            "real_accuracy": _share(real_logits > 0),
            "fake_accuracy": _share(fake_logits < 0),
            "real_sign": ops.mean(ops.sign(real_logits)),
        }
        if has_classifier(train.conditioning):
            loss = loss + train.classifier_weight * classification(classes[0], labels)
        return loss + penalty, facts

    variables = gan.discriminator.trainable_variables
    facts, gradients = gan.engine.gradients(objective, variables)
    gan.engine.apply(gan.discriminator_optimizer, gradients, variables)
    real_sign = facts.pop("real_sign")
    if train.augment_target is not None:
        sign = gan.engine.mean(real_sign)
        gan.augment_strength.assign(
            adapted(gan.augment_strength, sign, train.augment_target, train.batch_size, train.augment_speed)
        )
    return facts | _norms("discriminator", gradients)


def generator_step(gan: ConditionalGAN, batch: Batch, pictures: Tensor, pull_back: PullBack) -> Metrics:
    """Update the generator once.

    Args:
        gan: the networks and their optimizers.
        batch: one step's input.
        pictures: what the generator drew, `(m, size, size, 3)` in [-1, 1], of the breeds `batch["drawn_labels"]`.
        pull_back: turns the gradient with respect to `pictures` into those with respect to the generator's weights.

    Returns:
        The generator's loss and gradient norms.
    """
    train, labels = gan.train, batch["drawn_labels"]
    real_logits = _real_logits(gan, batch) if gan.loss.paired else None

    def objective(drawn: Tensor) -> tuple[Tensor, Metrics]:
        seen = augment(drawn, batch["drawn_chances"], train.augment, gan.augment_strength)
        logits, *classes = gan.judge(seen, labels)
        loss = gan.loss.generator(logits, real_logits)
        facts = {"generator_loss": loss}
        if has_classifier(train.conditioning):
            loss = loss + train.generator_classifier_weight * classification(classes[0], labels)
        return loss, facts

    outputs, slope = gan.engine.input_gradient(objective, pictures)
    gradients = pull_back(slope)
    gan.engine.apply(gan.generator_optimizer, gradients, gan.generator.trainable_variables)
    facts: Metrics = outputs[1]
    return facts | _norms("generator", gradients)


def scaled(images: Tensor) -> Tensor:
    """Bring uint8 pictures to [-1, 1], the range of the networks."""
    return ops.cast(images, "float32") / 127.5 - 1


def _judge_both(gan: ConditionalGAN, real: Tensor, fake: Tensor, labels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Judge real and generated pictures in one pass, or in two where batch norm must not mix them."""
    if gan.architecture.batch_norm:
        return gan.judge(real, labels), gan.judge(fake, labels)
    outputs = gan.judge(ops.concatenate([real, fake]), ops.concatenate([labels, labels]))
    halves = [ops.split(output, 2) for output in outputs]
    return [half[0] for half in halves], [half[1] for half in halves]


def _penalty(gan: ConditionalGAN, real: Tensor, fake: Tensor, labels: Tensor, mixing: Tensor) -> Tensor:
    """Penalise one update in `penalty_interval`, that many times as much (Karras et al., StyleGAN2, 2020)."""
    train = gan.train
    if not penalised(train):
        return ops.zeros(())

    def slopes(pictures: Tensor) -> Tensor:
        return gan.engine.input_gradient(lambda seen: gan.judge(seen, labels, training=False), pictures)[1]

    def penalty() -> Tensor:
        return gradient_penalty(train, slopes, real, fake, mixing) * float(train.penalty_interval)

    if train.penalty_interval == 1:
        return penalty()
    due = ops.equal(gan.discriminator_optimizer.iterations % train.penalty_interval, 0)
    return ops.cond(due, penalty, lambda: ops.zeros(()))


def _real_logits(gan: ConditionalGAN, batch: Batch) -> Tensor:
    """Judge the real pictures of the discriminator's last update, for a loss that compares with them."""
    pictures, chances = scaled(batch["images"][-1]), batch["real_chances"][-1]
    real = augment(pictures, chances, gan.train.augment, gan.augment_strength)
    return ops.stop_gradient(gan.judge(real, batch["labels"][-1])[0])


def _filled(array: Any, capacity: int) -> Any:
    """Lengthen an array to `capacity` rows, so that one compiled function serves any number of steps."""
    missing = capacity - len(array)
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array


def _share(which: Tensor) -> Tensor:
    return ops.mean(ops.cast(which, "float32"))


def _norms(network: str, gradients: list[Any]) -> Metrics:
    """Return the norm of each weight's gradient, and of all of them together."""
    norms = ops.stack([ops.sqrt(ops.sum(ops.square(ops.cast(gradient, "float32")))) for gradient in gradients])
    return {f"{network}_gradient_norms": norms, f"{network}_gradient_norm": ops.sqrt(ops.sum(ops.square(norms)))}
