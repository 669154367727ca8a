"""The conditional GAN: two networks, two optimizers, an average of the generator, and what each network minimises.

Everything here is `keras.ops`. The gradient step belongs to the backend: `pedigree.backends`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from pedigree.augment import augment
from pedigree.losses import LOSSES
from pedigree.networks import ARCHITECTURES
from pedigree.params import Train

Tensor = Any
Facts = dict[str, Tensor]  # what a step tells: name → scalar


@dataclass(frozen=True)
class Device:
    """Where training runs: `kind` is cpu or gpu; `bfloat16` says whether it gains from that precision."""

    kind: str
    name: str
    bfloat16: bool


class ConditionalGAN(keras.Model):
    """The GAN of one recipe at one size of image.

    `average` is a float32 copy of the generator whose weights follow the trained ones by an exponential moving
    average: it is the generator that is kept. A backend's subclass adds `train_step`.
    """

    def __init__(self, train: Train, image_size: int, breeds: int, precision: str) -> None:
        super().__init__(name="gan")
        self.train = train
        recipe = ARCHITECTURES[train.recipe]
        generator_shape = (image_size, train.latent_size, breeds, train.channels)
        keras.utils.clear_session()  # so that layers get the same names in every run
        keras.utils.set_random_seed(train.seed)
        with _dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32"):
            self.generator = recipe.build_generator(*generator_shape)
            self.discriminator = recipe.build_discriminator(image_size, breeds, train.channels)
        with _dtype_policy("float32"):
            self.average = recipe.build_generator(*generator_shape)
        self.average.set_weights(self.generator.get_weights())
        self.loss_pair = LOSSES[train.loss]
        self.kinds = tuple(train.augment)

    def compile_for_training(self) -> None:
        """Give each network its own Adam."""
        betas = {"beta_1": self.train.adam_beta_1, "beta_2": self.train.adam_beta_2}
        self.generator_optimizer = keras.optimizers.Adam(self.train.generator_learning_rate, **betas)
        self.discriminator_optimizer = keras.optimizers.Adam(self.train.discriminator_learning_rate, **betas)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        super().compile(optimizer=self.generator_optimizer)

    def draw(self, batch: Any) -> Tensor:
        """Draw the step's pictures `(m, size, size, 3)` in [-1, 1]."""
        return self.generator([batch["latents"], batch["drawn_labels"]], training=True)

    def real_images(self, batch: Any) -> Tensor:
        """Return the step's photos `(n, size, size, 3)` as the discriminator sees them: [-1, 1], then augmented."""
        return augment(ops.cast(batch["images"], "float32") / 127.5 - 1, batch["real_chances"], self.kinds)

    def discriminator_loss(self, real: Tensor, drawn: Tensor, batch: Any) -> tuple[Tensor, Facts]:
        """Judge the `real_images` and the first n of the `drawn` in one pass; return the loss and what it tells."""
        fake = augment(drawn[: self.train.batch_size], batch["fake_chances"], self.kinds)
        labels = ops.concatenate([batch["labels"], batch["labels"]])
        logits = self.discriminator([ops.concatenate([real, fake]), labels], training=True)
        real_logits, fake_logits = ops.split(logits, 2)
        loss = self.loss_pair.discriminator(real_logits, fake_logits, batch["real_targets"], batch["fake_targets"])
        return loss, {
            "discriminator_loss": loss,
            "real_logit": ops.mean(real_logits),
            "fake_logit": ops.mean(fake_logits),
            "logit_gap": ops.mean(ops.abs(real_logits - fake_logits)),
        }

    def generator_loss(self, drawn: Tensor, batch: Any) -> tuple[Tensor, Facts]:
        """Return the generator's loss for all it has drawn."""
        images = augment(drawn, batch["drawn_chances"], self.kinds)
        logits = self.discriminator([images, batch["drawn_labels"]], training=True)
        loss = self.loss_pair.generator(logits)
        return loss, {"generator_loss": loss}

    def update_average(self) -> None:
        """Let the average follow the generator; early on it follows faster (Karras et al., EDM, 2022)."""
        decay = 0.0
        if self.train.ema_half_life:
            seen = ops.cast(self.generator_optimizer.iterations, "float32") * self.train.batch_size
            half_life = ops.minimum(float(self.train.ema_half_life), 0.1 * seen)
            decay = ops.power(0.5, self.train.batch_size / half_life)
        for average, weight in zip(self.average.weights, self.generator.weights, strict=True):
            average.assign(weight + decay * (average - weight))


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Build layers under another dtype policy, then return to the one before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
