"""The CycleGAN: two generators, two discriminators, their optimizers, and the pools of earlier translations.

Index 0 is the first breed and index 1 the second: `generators[1]` gives dogs the coat of the second breed, and
`discriminators[1]` judges pictures of it.
"""

import random

import keras

from pedigree.backends.engine import Engine
from pedigree.networks.building import dtype_policy
from pedigree.networks.cyclegan import build_discriminator, build_generator, build_translator
from pedigree.networks.layer_factory import LayerFactory
from pedigree.settings.translate import Translate
from pedigree.train.averaging import update_average
from pedigree.train.schedules import LateLinear

WARMUP = 0.1  # the half-life of the average is at most this share of the pictures seen so far


class CycleGAN:
    """The networks of a run with their optimizers.

    Attributes:
        generators, discriminators: the networks that are trained, two each.
        average: both generators as one float32 network of Keras's own layers, with averaged weights. It is what is
            saved.
        averages: the two generators of `average`.
        generator_optimizer, discriminator_optimizer: Adam, one for both networks of a kind.
        pools: earlier translations to each breed, `(pool_size, size, size, 3)` in [-1, 1]; empty without a pool.

    Args:
        settings: the `translate` section.
        image_size: height and width of the images, in pixels.
        precision: "float32" or "bfloat16", the compute dtype of the networks. Weights and losses are float32.
        engine: the engine of the backend.
    """

    def __init__(self, settings: Translate, image_size: int, precision: str, engine: Engine) -> None:
        self.settings, self.engine = settings, engine
        keras.utils.clear_session()  # so that layers get the same names in every run
        random.seed(settings.seed)  # seeds the layers
        sizes, factory = (image_size, settings.channels), LayerFactory(layer_module=engine.layer_module(precision))
        with engine.scope():
            with dtype_policy(precision):
                self.generators = [build_generator(*sizes, factory) for _ in range(2)]
                self.discriminators = [build_discriminator(*sizes, factory) for _ in range(2)]
            with dtype_policy("float32"):
                self.average, self.averages = build_translator(*sizes, LayerFactory(keras_only=True))
            self.generator_optimizer = self._adam(self.generators)
            self.discriminator_optimizer = self._adam(self.discriminators)
            shape = (settings.pool_size, image_size, image_size, 3)
            pools = range(2 if settings.pool_size else 0)
            self.pools = [keras.Variable("zeros", shape, trainable=False, name=f"pool_{breed}") for breed in pools]
        for average, generator in zip(self.averages, self.generators, strict=True):
            average.set_weights(generator.get_weights())

    def _adam(self, networks: list[keras.Model]) -> keras.optimizers.Adam:
        settings = self.settings
        rate: float | LateLinear = settings.learning_rate
        if settings.learning_rate_schedule == "late-linear":
            rate = LateLinear(settings.learning_rate, settings.steps)
        adam = keras.optimizers.Adam(rate, beta_1=settings.adam_beta_1)
        adam.build(trainable(networks))
        return adam

    @property
    def variables(self) -> list[keras.Variable]:
        """All variables that a step changes, in a fixed order."""
        owners = [
            *self.generators,
            *self.discriminators,
            *self.averages,
            self.generator_optimizer,
            self.discriminator_optimizer,
        ]
        return [*(variable for owner in owners for variable in owner.variables), *self.pools]

    def update_average(self) -> None:
        """Update the averages of the generators."""
        half_life, size = self.settings.ema_half_life, self.settings.batch_size
        for average, generator in zip(self.averages, self.generators, strict=True):
            updates = self.generator_optimizer.iterations
            update_average(average.weights, generator.weights, half_life, WARMUP, size, updates)


def trainable(networks: list[keras.Model]) -> list[keras.Variable]:
    """Return the weights of networks that are trained together."""
    return [variable for network in networks for variable in network.trainable_variables]
