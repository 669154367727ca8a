"""One training step: the updates of the discriminator and the update of the generator, written in `keras.ops`.

n, m and D are the sizes of a `Batch`. Where an architecture has a `view`, `(n, size, size, 3)` below is a stack of
k pictures, `(n, size, size, 3 k)`, and logits are `(n, k)`. Losses and accuracies are then means over all pictures.

The `Engine` of `pedigree.backends` does what depends on the backend: gradients, and optimizers on several devices.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from keras import ops

from pedigree.backends.batch import Batch
from pedigree.backends.engine import Metrics, PullBack, Tensor
from pedigree.networks.heads import has_classifier
from pedigree.train.augmentation import adapted, augment
from pedigree.train.calls import compile_calls
from pedigree.train.gan import ConditionalGAN
from pedigree.train.losses import classification
from pedigree.train.penalties import gradient_penalty, penalised
from pedigree.train.pretrained_step import pretrained_step


def compile_steps(gan: ConditionalGAN, capacity: int) -> Callable[[Mapping[str, Any]], Metrics]:
    """Compile `train_step` for several steps per call.

    Args:
        gan: the GAN to train.
        capacity: maximum number of steps per call.

    Returns:
        A function from a batch of at most `capacity` steps (`batches.stacked`) to their metrics, `(steps, …)`.
    """
    return compile_calls(gan.engine, partial(train_step, gan), gan.variables, capacity)


def train_step(gan: ConditionalGAN, batch: Batch) -> Metrics:
    """Update the discriminator `discriminator_steps` times, the generator once, and the average of the generator.

    The generator draws its m images once. The discriminator's last update uses the first n of them, and the generator's
    gradients are computed through the same forward pass; `bench/step_order.py` measures the time that this saves.

    Args:
        gan: the networks and their optimizers.
        batch: the input of one step.

    Returns:
        The metrics of the discriminator's last update and of the generator's update.
    """
    for ramp in gan.ramps:
        ramp.assign(batch["condition_strength"])
    last = gan.train.discriminator_steps - 1
    for turn in range(last):
        fake = gan.draw(batch["early_latents"][turn], batch["labels"][turn], scaled(batch["images"][turn]))
        discriminator_step(gan, batch, turn, fake)
    images, pull_back = gan.engine.forward(
        lambda: gan.draw(batch["latents"], batch["drawn_labels"], scaled(batch["images"][last])),
        gan.generator.trainable_variables,
    )
    metrics = discriminator_step(gan, batch, last, images[: batch["labels"].shape[1]])
    metrics |= generator_step(gan, batch, images, pull_back)
    gan.update_average()
    return metrics | {"augment_strength": ops.convert_to_tensor(gan.augment_strength)}


def discriminator_step(gan: ConditionalGAN, batch: Batch, turn: int, fake: Tensor) -> Metrics:
    """Update the discriminator once, on n real and n generated images of the same breeds.

    Args:
        gan: the networks and their optimizers.
        batch: the input of one step.
        turn: number of the update within the step, from 0.
        fake: generated images `(n, size, size, 3)` in [-1, 1] of the breeds `batch["labels"][turn]`.

    Returns:
        Losses, logits, accuracies and gradient norms of this update.
    """
    train, labels = gan.train, batch["labels"][turn]
    real = _real(gan, batch, turn)
    fake = augment(fake, batch["fake_chances"][turn], train.augment, gan.augment_strength)

    def objective() -> tuple[Tensor, Metrics]:
        (real_logits, *classes), (fake_logits, *_) = _discriminate_both(gan, real, fake, labels)
        loss = gan.loss.discriminator(
            real_logits, fake_logits, batch["real_targets"][turn], batch["fake_targets"][turn]
        )
        penalty = _penalty(gan, real, fake, labels, batch["mixing"][turn])
        metrics = {
            "discriminator_loss": loss,
            "gradient_penalty": penalty,
            "real_logit": ops.mean(real_logits),
            "fake_logit": ops.mean(fake_logits),
            "logit_gap": ops.mean(ops.abs(real_logits - fake_logits)),
            "real_accuracy": share(real_logits > 0),
            "fake_accuracy": share(fake_logits < 0),
            "real_sign": ops.mean(ops.sign(real_logits)),
        }
        if has_classifier(train.conditioning):
            loss = loss + train.classifier_weight * classification(classes[0], labels)
        return loss + penalty, metrics

    variables = gan.discriminator.trainable_variables
    metrics, gradients = gan.engine.gradients(objective, variables)
    gan.engine.apply(gan.discriminator_optimizer, gradients, variables)
    real_sign = metrics.pop("real_sign")
    if train.augment_target is not None:
        sign = gan.engine.mean(real_sign)
        gan.augment_strength.assign(
            adapted(gan.augment_strength, sign, train.augment_target, train.batch_size, train.augment_speed)
        )
    return metrics | gradient_norms("discriminator", gradients)


def generator_step(gan: ConditionalGAN, batch: Batch, images: Tensor, pull_back: PullBack) -> Metrics:
    """Update the generator once, and before it the heads on pretrained features if there are any.

    Args:
        gan: the networks and their optimizers.
        batch: the input of one step.
        images: generated images `(m, size, size, 3)` in [-1, 1] of the breeds `batch["drawn_labels"]`.
        pull_back: a function from the gradient with respect to `images` to those with respect to the weights.

    Returns:
        The generator's loss and gradient norms, and the metrics of the heads.
    """
    train, labels = gan.train, batch["drawn_labels"]
    real_logits = _real_logits(gan, batch) if gan.loss.paired else None

    def objective(drawn: Tensor) -> tuple[Tensor, Metrics]:
        augmented = augment(drawn, batch["drawn_chances"], train.augment, gan.augment_strength)
        logits, *classes = gan.discriminate(augmented, labels)
        loss = gan.loss.generator(logits, real_logits)
        metrics = {"generator_loss": loss}
        if has_classifier(train.conditioning):
            loss = loss + train.generator_classifier_weight * classification(classes[0], labels)
        return loss, metrics

    outputs, image_gradient = gan.engine.input_gradient(objective, images)
    metrics: Metrics = outputs[1]
    if gan.pretrained:
        more, gradient = pretrained_step(gan, gan.pretrained, batch, scaled(batch["images"][-1]), images)
        metrics, image_gradient = metrics | more, image_gradient + gradient
    gradients = pull_back(image_gradient)
    gan.engine.apply(gan.generator_optimizer, gradients, gan.generator.trainable_variables)
    return metrics | gradient_norms("generator", gradients)


def scaled(images: Tensor) -> Tensor:
    """Scale uint8 images to [-1, 1], the range of the networks."""
    return ops.cast(images, "float32") / 127.5 - 1


def _discriminate_both(
    gan: ConditionalGAN, real: Tensor, fake: Tensor, labels: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the discriminator's outputs for real and generated images: in one pass, or in two if it has batch norm."""
    if gan.architecture.batch_norm:
        return gan.discriminate(real, labels), gan.discriminate(fake, labels)
    outputs = gan.discriminate(ops.concatenate([real, fake]), ops.concatenate([labels, labels]))
    halves = [ops.split(output, 2) for output in outputs]
    return [half[0] for half in halves], [half[1] for half in halves]


def _penalty(gan: ConditionalGAN, real: Tensor, fake: Tensor, labels: Tensor, mixing: Tensor) -> Tensor:
    """Return the gradient penalty of one update; with an interval k, k times the penalty in every k-th update.

    This is the lazy regularisation of Karras et al. (StyleGAN2, 2020).
    """
    train = gan.train
    if not penalised(train):
        return ops.zeros(())

    def image_gradients(images: Tensor) -> Tensor:
        return gan.engine.input_gradient(lambda x: gan.discriminate(x, labels, training=False), images)[1]

    def penalty() -> Tensor:
        return gradient_penalty(train, image_gradients, real, fake, mixing) * float(train.penalty_interval)

    if train.penalty_interval == 1:
        return penalty()
    due = ops.equal(gan.discriminator_optimizer.iterations % train.penalty_interval, 0)
    return ops.cond(due, penalty, lambda: ops.zeros(()))


def _real_logits(gan: ConditionalGAN, batch: Batch) -> Tensor:
    """Return the logits of the real images of the discriminator's last update, for a paired loss."""
    return ops.stop_gradient(gan.discriminate(_real(gan, batch, -1), batch["labels"][-1])[0])


def _real(gan: ConditionalGAN, batch: Batch, turn: int) -> Tensor:
    """Return what the discriminator gets of the real images of an update: augmented."""
    images, chances = gan.view(scaled(batch["images"][turn])), batch["real_chances"][turn]
    return augment(images, chances, gan.train.augment, gan.augment_strength)


def share(which: Tensor) -> Tensor:
    """Return the share of a boolean tensor that is true."""
    return ops.mean(ops.cast(which, "float32"))


def gradient_norms(network: str, gradients: list[Any]) -> Metrics:
    """Return the norm of the gradient of each weight, and the norm of all gradients together."""
    norms = ops.stack([ops.sqrt(ops.sum(ops.square(ops.cast(gradient, "float32")))) for gradient in gradients])
    return {f"{network}_gradient_norms": norms, f"{network}_gradient_norm": ops.sqrt(ops.sum(ops.square(norms)))}
