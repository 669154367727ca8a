"""The conditional GAN: two networks, two optimizers, an average of the generator, and the step they all take.

Everything here is `keras.ops`. What must know the backend is an `Engine`, one small file each in `pedigree.backends`.
"""

import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from pedigree.backends.engine import Engine, Facts, Tensor
from pedigree.networks.building import build
from pedigree.networks.kit import Kit
from pedigree.networks.reparametrization import acting_weights, reparametrized
from pedigree.settings.train import WITH_BATCH_NORM, WITH_CLASSIFIER, Train
from pedigree.train import schedules
from pedigree.train.augmentation import adapted, augment
from pedigree.train.losses import LOSSES, classification
from pedigree.train.penalties import mixed, squared_slope, unit_slope


class ConditionalGAN:
    """The GAN of one architecture at one size of image.

    `average` is a float32 copy of the generator, of Keras's own layers, whose weights follow the trained ones, as they
    act, by an exponential moving average: it is the generator that is kept.

    Args:
        train: the settings.
        image_size: pixels a side.
        breeds: how many.
        precision: "float32" or "bfloat16", which the networks compute in; weights and losses are float32.
        engine: the backend's.
    """

    def __init__(self, train: Train, image_size: int, breeds: int, precision: str, engine: Engine) -> None:
        self.train, self.engine = train, engine
        self.loss_pair, self.kinds = LOSSES[train.loss], tuple(train.augment)
        keras.utils.clear_session()  # so that layers get the same names in every run
        random.seed(train.seed)  # what layers draw their seeds from; set_random_seed would import TensorFlow everywhere
        with engine.scope():
            kit = Kit(synchronized=engine.synchronized, made_of=engine.layers(precision))
            self.generator, self.discriminator, self.average = build(train, image_size, breeds, precision, kit)
            both = (*reparametrized(self.generator), *reparametrized(self.discriminator))
            self.ramps = [layer.ramp for layer in both if layer.ramped]
            self.generator_optimizer = self._adam(self.generator, train.generator_learning_rate, 1)
            self.discriminator_optimizer = self._adam(
                self.discriminator, train.discriminator_learning_rate, train.discriminator_steps
            )
            start = 1.0 if train.augment_target is None else 0.0
            self.augment_strength = keras.Variable(start, trainable=False, name="augment_strength")

    def _adam(self, network: keras.Model, rate: float, updates_a_step: int) -> keras.optimizers.Adam:
        schedule = schedules.learning_rate(self.train, rate, updates_a_step)
        adam = keras.optimizers.Adam(schedule, beta_1=self.train.adam_beta_1, beta_2=self.train.adam_beta_2)
        adam.build(network.trainable_variables)
        return adam

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that a step changes, in a fixed order."""
        owners = (
            self.generator,
            self.discriminator,
            self.average,
            self.generator_optimizer,
            self.discriminator_optimizer,
        )
        return [*(variable for owner in owners for variable in owner.variables), self.augment_strength]

    def compile(self, capacity: int) -> Callable[[Any], Facts]:
        """Return a function that takes up to `capacity` steps at once, on a batch of `batches.stacked`."""
        steps = self.engine.compile(self.step, self.variables, capacity)

        def take(batch: Any) -> Facts:
            return steps({name: _filled(array, capacity) for name, array in batch.items()}, len(batch["images"]))

        return take

    def step(self, batch: Any) -> Facts:
        """Let the discriminator learn `discriminator_steps` times, then the generator once.

        The generator draws once for its own step and the discriminator's last one.
        """
        for ramp in self.ramps:
            ramp.assign(batch["condition_strength"])
        last = self.train.discriminator_steps - 1
        for turn in range(last):
            labels = batch["labels"][turn]
            self._teach_discriminator(
                self.generator([batch["early_latents"][turn], labels], training=True), batch, turn
            )

        def objective() -> tuple[Tensor, Facts]:
            drawn = self.generator([batch["latents"], batch["drawn_labels"]], training=True)
            real, learned = self._teach_discriminator(
                ops.stop_gradient(drawn[: len(batch["labels"][last])]), batch, last
            )
            loss, told = self.generator_loss(drawn, real, batch)
            return loss, learned | told

        facts, gradients = self.engine.gradients(objective, self.generator.trainable_variables)
        self.engine.apply(self.generator_optimizer, gradients, self.generator.trainable_variables)
        self.update_average()
        return (
            facts | _norms("generator", gradients) | {"augment_strength": ops.convert_to_tensor(self.augment_strength)}
        )

    def _teach_discriminator(self, drawn: Tensor, batch: Any, turn: int) -> tuple[Tensor, Facts]:
        """Take a step of the discriminator's; return the photos as it saw them, and what it tells."""
        part = {name: batch[name][turn] for name in REAL_SIDE}
        real = augment(scaled(part["images"]), part["real_chances"], self.kinds, self.augment_strength)
        fake = augment(drawn, part["fake_chances"], self.kinds, self.augment_strength)
        variables = self.discriminator.trainable_variables
        facts, gradients = self.engine.gradients(lambda: self.discriminator_loss(real, fake, part), variables)
        self.engine.apply(self.discriminator_optimizer, gradients, variables)
        self._adapt_augmentation(facts.pop("real_sign"))
        return real, facts | _norms("discriminator", gradients)

    def judge(self, pictures: Tensor, labels: Tensor, training: bool = True) -> list[Tensor]:
        """Return the discriminator's logits `(n, 1)` for pictures, and its class logits `(n, breeds)` if it has any."""
        inputs = [ops.convert_to_tensor(pictures), ops.convert_to_tensor(labels)]
        outputs = self.discriminator(inputs, training=training)
        return list(outputs) if isinstance(outputs, list | tuple) else [outputs]

    def discriminator_loss(self, real: Tensor, fake: Tensor, part: Any) -> tuple[Tensor, Facts]:
        """Return the loss on photos and drawn pictures `(n, size, size, 3)`, penalties and classifier included."""
        real_outputs, fake_outputs, penalty = self._judge_both(real, fake, part)
        real_logits, fake_logits = real_outputs[0], fake_outputs[0]
        loss = self.loss_pair.discriminator(real_logits, fake_logits, part["real_targets"], part["fake_targets"])
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
        if self.train.conditioning in WITH_CLASSIFIER:
            loss = loss + self.train.classifier_weight * classification(real_outputs[1], part["labels"])
        return loss + penalty, facts

    def generator_loss(self, drawn: Tensor, real: Tensor, batch: Any) -> tuple[Tensor, Facts]:
        """Return the loss for all that is drawn; `real` are the photos as the discriminator saw them last."""
        labels = batch["drawn_labels"]
        pictures = augment(drawn, batch["drawn_chances"], self.kinds, self.augment_strength)
        outputs = self.judge(pictures, labels)
        real_logits = ops.stop_gradient(self.judge(real, batch["labels"][-1])[0]) if self.loss_pair.paired else None
        loss = self.loss_pair.generator(outputs[0], real_logits)
        facts = {"generator_loss": loss}
        if self.train.conditioning in WITH_CLASSIFIER:
            loss = loss + self.train.generator_classifier_weight * classification(outputs[1], labels)
        return loss, facts

    def _judge_both(self, real: Tensor, fake: Tensor, part: Any) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Judge photos and drawn pictures in one pass, or in two where batch norm must not mix them; and penalise."""
        labels = part["labels"]
        if self.train.architecture in WITH_BATCH_NORM:
            return self.judge(real, labels), self.judge(fake, labels), ops.zeros(())
        pictures, twice = ops.concatenate([real, fake]), ops.concatenate([labels, labels])
        if self.train.penalty_interval == 1 and max(self.train.r1_weight, self.train.r2_weight) > 0:
            outputs, slopes = self.engine.slope(lambda seen: self.judge(seen, twice), pictures)
            penalty = self._smooth(*ops.split(slopes, 2)) + self._between(real, fake, part)
        else:
            outputs, penalty = self.judge(pictures, twice), self._lazy_penalty(real, fake, part)
        halves = [ops.split(output, 2) for output in outputs]
        return [half[0] for half in halves], [half[1] for half in halves], penalty

    def _smooth(self, real_slopes: Tensor | None, fake_slopes: Tensor | None) -> Tensor:
        """R1 and R2 (Mescheder et al., 2018); no slopes where a weight is 0."""
        both = ((self.train.r1_weight, real_slopes), (self.train.r2_weight, fake_slopes))
        return sum(
            (0.5 * weight * squared_slope(slopes) for weight, slopes in both if slopes is not None), ops.zeros(())
        )

    def _lazy_penalty(self, real: Tensor, fake: Tensor, part: Any) -> Tensor:
        """Penalise in one step of `penalty_interval`, that many times as much (Karras et al., StyleGAN2, 2020)."""
        train = self.train
        if not train.penalised:
            return ops.zeros(())

        def penalty() -> Tensor:
            real_slopes = self._slopes(real, part["labels"]) if train.r1_weight else None
            fake_slopes = self._slopes(fake, part["labels"]) if train.r2_weight else None
            total = self._smooth(real_slopes, fake_slopes) + self._between(real, fake, part)
            return total * float(train.penalty_interval)

        if train.penalty_interval == 1:
            return penalty()
        due = ops.equal(self.discriminator_optimizer.iterations % train.penalty_interval, 0)
        return ops.cond(due, penalty, lambda: ops.zeros(()))

    def _between(self, real: Tensor, fake: Tensor, part: Any) -> Tensor:
        """The gradient penalty of Gulrajani et al., "Improved Training of Wasserstein GANs" (2017), equation 3."""
        if not self.train.gradient_penalty_weight:
            return ops.zeros(())
        slopes = self._slopes(mixed(real, fake, part["mixing"]), part["labels"])
        return self.train.gradient_penalty_weight * unit_slope(slopes)

    def _slopes(self, pictures: Tensor, labels: Tensor) -> Tensor:
        return self.engine.slope(lambda seen: self.judge(seen, labels, training=False), pictures)[1]

    def _adapt_augmentation(self, real_sign: Tensor) -> None:
        train = self.train
        if train.augment_target is not None:
            sign = self.engine.mean(real_sign)
            strength = adapted(self.augment_strength, sign, train.augment_target, train.batch_size, train.augment_speed)
            self.augment_strength.assign(strength)

    def update_average(self) -> None:
        """Let the average follow the generator; early on it follows faster (Karras et al., EDM, 2022)."""
        train, decay = self.train, 0.0
        if train.ema_half_life:
            seen = ops.cast(self.generator_optimizer.iterations, "float32") * train.batch_size
            half_life = (
                ops.minimum(float(train.ema_half_life), train.ema_warmup * seen)
                if train.ema_warmup
                else float(train.ema_half_life)
            )
            decay = ops.power(0.5, train.batch_size / half_life)
        for average, weight in zip(self.average.weights, acting_weights(self.generator), strict=True):
            average.assign(weight + decay * (average - weight))


REAL_SIDE = ("images", "labels", "real_targets", "fake_targets", "real_chances", "fake_chances", "mixing")


def scaled(images: Tensor) -> Tensor:
    """Bring uint8 photos to [-1, 1], as networks draw and see them."""
    return ops.cast(images, "float32") / 127.5 - 1


def _filled(array: Any, capacity: int) -> Any:
    """Lengthen an array to `capacity` rows, so that one compiled function serves any number of steps."""
    missing = capacity - len(array)
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array


def _share(which: Tensor) -> Tensor:
    return ops.mean(ops.cast(which, "float32"))


def _norms(network: str, gradients: list[Tensor]) -> Facts:
    """Tell the norm of each weight's gradient and of all together."""
    norms = ops.stack([ops.sqrt(ops.sum(ops.square(ops.cast(gradient, "float32")))) for gradient in gradients])
    return {f"{network}_gradient_norms": norms, f"{network}_gradient_norm": ops.sqrt(ops.sum(ops.square(norms)))}
