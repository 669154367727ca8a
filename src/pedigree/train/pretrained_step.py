"""The part of a training step on pretrained features: the update of the heads, and their gradient for the generator."""

from collections.abc import Iterable
from functools import partial

from keras import ops

from pedigree.backends.batch import Batch
from pedigree.backends.engine import Metrics, Tensor
from pedigree.train.augmentation import augment
from pedigree.train.gan import ConditionalGAN
from pedigree.train.losses import LOSSES
from pedigree.train.pretrained import Pretrained

HINGE = LOSSES["hinge"]


def pretrained_step(
    gan: ConditionalGAN, pretrained: Pretrained, batch: Batch, real: Tensor, images: Tensor
) -> tuple[Metrics, Tensor]:
    """Update the heads once, then compute the gradient of the generator's loss by them.

    The frozen network sees the generated images only once. Both losses are hinge losses; every head counts the same.

    Args:
        gan: the networks and their optimizers.
        pretrained: the frozen network and its heads.
        batch: the input of one step.
        real: the n real images `(n, size, size, 3)` of the discriminator's last update, in [-1, 1].
        images: the m generated images `(m, size, size, 3)`, of the breeds `batch["drawn_labels"]`.

    Returns:
        The metrics, and the gradient with respect to `images` of `features_weight` times the generator's loss.
    """
    labels, drawn_labels = batch["labels"][-1], batch["drawn_labels"]

    def maps(chances: Tensor, pictures: Tensor) -> list[Tensor]:
        augmented = augment(pictures, chances, gan.train.features_augment, 1.0)
        return list(pretrained.network(augmented, training=False))

    def logits(of_maps: list[Tensor], breeds: Tensor) -> list[Tensor]:
        return list(pretrained.heads([*of_maps, ops.convert_to_tensor(breeds)], training=True))

    def objective() -> tuple[Tensor, Metrics]:
        real_logits, drawn_logits = logits(real_maps, labels), logits(drawn_maps, drawn_labels)
        losses = [HINGE.discriminator(*pair, 1.0, 0.0) for pair in zip(real_logits, drawn_logits, strict=True)]
        return _mean(losses), {
            "features_loss": _mean(losses),
            "features_real_logit": _mean(map(ops.mean, real_logits)),
            "features_fake_logit": _mean(map(ops.mean, drawn_logits)),
        }

    def generator_objective(of_maps: list[Tensor]) -> tuple[Tensor, Metrics]:
        loss = _mean(map(HINGE.generator, logits(of_maps, drawn_labels)))
        return loss * gan.train.features_weight, {"features_generator_loss": loss}

    real_maps = maps(batch["features_real_chances"][-1], real)
    drawn_maps, pull_back = gan.engine.forward_inputs(partial(maps, batch["features_drawn_chances"]), images)
    variables = pretrained.heads.trainable_variables
    metrics, gradients = gan.engine.gradients(objective, variables)
    gan.engine.apply(pretrained.optimizer, gradients, variables)
    (_, more), map_gradients = gan.engine.input_gradient(generator_objective, drawn_maps)
    return metrics | more, pull_back(map_gradients)


def _mean(values: Iterable[Tensor]) -> Tensor:
    return ops.mean(ops.stack(list(values)))
