"""The conditional GAN: two networks, two optimizers, and an average of the generator's weights."""

import random

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from pedigree.backends.engine import Engine, Tensor
from pedigree.networks import ARCHITECTURES
from pedigree.networks.building import build
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.reparametrization import effective_weights, reparametrized
from pedigree.settings.train import Train
from pedigree.train import schedules
from pedigree.train.averaging import update_average
from pedigree.train.losses import LOSSES
from pedigree.train.pretrained import Pretrained, build_pretrained


class ConditionalGAN:
    """The networks of a run with their optimizers.

    Attributes:
        generator, discriminator: the networks that are trained.
        average: a float32 copy of the generator, made only of Keras's own layers. Its weights are an exponential moving
            average of the generator's effective weights. The average is what is saved.
        generator_optimizer, discriminator_optimizer: Adam, one each.
        training_generator: the generator as it draws in training (`Architecture.build_training_generator`).
        pretrained: a frozen network and the heads that are trained on its features; None if `train.features_weight` is
            0.
        loss, architecture: what `train.loss` and `train.architecture` name.
        ramps: the variables that scale the breeds' embeddings (`train.condition_ramp`).
        augment_strength: the variable that holds the probability of each augmentation.

    Args:
        train: the settings.
        image_size: height and width of the images, in pixels.
        breeds: number of breeds.
        precision: "float32" or "bfloat16", the compute dtype of the networks. Weights and losses are float32.
        engine: the engine of the backend.
        breed_features: `(breeds, k)` as `LayerFactory.breed_features`.
    """

    def __init__(
        self,
        train: Train,
        image_size: int,
        breeds: int,
        precision: str,
        engine: Engine,
        breed_features: NDArray[np.float32] | None = None,
    ) -> None:
        self.train, self.engine = train, engine
        self.loss, self.architecture = LOSSES[train.loss], ARCHITECTURES[train.architecture]
        keras.utils.clear_session()  # so that layers get the same names in every run
        random.seed(train.seed)  # seeds the layers; keras.utils.set_random_seed would import TensorFlow on any backend
        with engine.scope():
            factory = LayerFactory(
                synchronized=engine.synchronized,
                breed_features=breed_features,
                layer_module=engine.layer_module(precision),
            )
            self.generator, self.discriminator, self.average = build(train, image_size, breeds, precision, factory)
            of_reals = self.architecture.build_training_generator
            self.training_generator = of_reals(self.generator) if of_reals else self.generator
            trained, self.pretrained = [self.generator, self.discriminator], None
            if train.features_weight:
                network, heads = build_pretrained(train, image_size, breeds, precision, factory)
                self.pretrained = Pretrained(network, heads, self._adam(heads, train.features_learning_rate, 1))
                trained.append(heads)
            self.ramps = [layer.ramp for network in trained for layer in reparametrized(network) if layer.ramped]
            self.generator_optimizer = self._adam(self.generator, train.generator_learning_rate, 1)
            self.discriminator_optimizer = self._adam(
                self.discriminator, train.discriminator_learning_rate, train.discriminator_steps
            )
            start = 1.0 if train.augment_target is None else 0.0
            self.augment_strength = keras.Variable(start, trainable=False, name="augment_strength")

    def _adam(self, network: keras.Model, rate: float, updates_per_step: int) -> keras.optimizers.Adam:
        schedule = schedules.learning_rate(self.train, rate, updates_per_step)
        adam = keras.optimizers.Adam(schedule, beta_1=self.train.adam_beta_1, beta_2=self.train.adam_beta_2)
        adam.build(network.trainable_variables)
        return adam

    @property
    def variables(self) -> list[keras.Variable]:
        """All variables that a step changes, in a fixed order."""
        owners = [
            self.generator,
            self.discriminator,
            self.average,
            self.generator_optimizer,
            self.discriminator_optimizer,
        ]
        if self.pretrained:
            owners += [self.pretrained.heads, self.pretrained.optimizer]
        return [*(variable for owner in owners for variable in owner.variables), self.augment_strength]

    def draw(self, latents: Tensor, labels: Tensor, real: Tensor) -> Tensor:
        """Draw in training mode what the discriminator gets: images, or stacks as `Architecture.view` says.

        Args:
            latents: `(n, latent_size)`.
            labels: the breeds to draw `(n,)`.
            real: real images of these breeds `(n, size, size, 3)` in [-1, 1], which only some architectures use.
        """
        inputs = [latents, labels, *([real] if self.architecture.build_training_generator else [])]
        return self.training_generator([ops.convert_to_tensor(each) for each in inputs], training=True)

    def view(self, images: Tensor) -> Tensor:
        """Return what the discriminator gets instead of real images `(n, size, size, 3)` in [-1, 1]."""
        return self.architecture.view(images) if self.architecture.view else images

    def discriminate(self, images: Tensor, labels: Tensor, training: bool = True) -> list[Tensor]:
        """Return a list of the discriminator's logits `(n, 1)` and, if it has a classifier, class logits `(n, breeds)`.

        If the architecture has a `view` of k pictures, the logits are `(n, k)`, one of each picture.

        Args:
            images: `(n, size, size, 3)` in [-1, 1], or what `view` makes of them.
            labels: their breeds `(n,)`.
            training: whether the discriminator runs in training mode.
        """
        inputs = [ops.convert_to_tensor(images), ops.convert_to_tensor(labels)]
        outputs = self.discriminator(inputs, training=training)
        return list(outputs) if isinstance(outputs, list | tuple) else [outputs]

    def update_average(self) -> None:
        """Update the average of the generator."""
        train, updates = self.train, self.generator_optimizer.iterations
        weights = effective_weights(self.generator)
        update_average(self.average.weights, weights, train.ema_half_life, train.ema_warmup, train.batch_size, updates)
