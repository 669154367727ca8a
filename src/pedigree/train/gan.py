"""The conditional GAN: two networks, two optimizers, and an average of the generator."""

import random

import keras
from keras import ops

from pedigree.backends.engine import Engine, Tensor
from pedigree.networks import ARCHITECTURES
from pedigree.networks.building import build
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.reparametrization import effective_weights, reparametrized
from pedigree.settings.train import Train
from pedigree.train import schedules
from pedigree.train.losses import LOSSES


class ConditionalGAN:
    """The GAN of one recipe at one size of image.

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
        self.loss, self.architecture = LOSSES[train.loss], ARCHITECTURES[train.recipe]
        keras.utils.clear_session()  # so that layers get the same names in every run
        random.seed(train.seed)  # what layers draw their seeds from; set_random_seed would import TensorFlow everywhere
        with engine.scope():
            factory = LayerFactory(synchronized=engine.synchronized, layer_module=engine.layer_module(precision))
            self.generator, self.discriminator, self.average = build(train, image_size, breeds, precision, factory)
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

    def judge(self, pictures: Tensor, labels: Tensor, training: bool = True) -> list[Tensor]:
        """Return the discriminator's logits `(n, 1)` for pictures, and its class logits `(n, breeds)` if it has any."""
        inputs = [ops.convert_to_tensor(pictures), ops.convert_to_tensor(labels)]
        outputs = self.discriminator(inputs, training=training)
        return list(outputs) if isinstance(outputs, list | tuple) else [outputs]

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
        for average, weight in zip(self.average.weights, effective_weights(self.generator), strict=True):
            average.assign(weight + decay * (average - weight))
