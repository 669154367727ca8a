"""seed-cgan as its kind of Keras program trains it: float32, NumPy batches, `train_on_batch` on compiled models.

The discriminator learns from 64 photos, then from 64 pictures that `predict_on_batch` draws; then a model of both
networks in a row, the discriminator's weights frozen, learns from 128 latents.
"""

from collections.abc import Callable

import keras
import numpy as np

from pedigree.train.gan import ConditionalGAN


def prepare(gan: ConditionalGAN, pictures: np.ndarray, breeds: np.ndarray) -> Callable[[], None]:
    """Return one step on the networks of `gan`."""
    train, chance = gan.train, np.random.default_rng(0)
    generator, discriminator = gan.generator, gan.discriminator
    scaled = pictures.astype(np.float64) / 127.5 - 1  # all of them, as the ancestor kept them
    size, latent, count = train.batch_size, train.latent_size, int(breeds.max()) + 1
    discriminator.compile(_adam(), keras.losses.BinaryCrossentropy(from_logits=True))
    frozen = keras.models.clone_model(discriminator)
    frozen.trainable = False
    both = keras.Model(generator.inputs, frozen([generator.output, generator.inputs[1]]))
    both.compile(_adam(), keras.losses.BinaryCrossentropy(from_logits=True))

    def step() -> None:
        chosen = chance.integers(0, len(scaled), size)
        drawn_breeds = chance.integers(0, count, size)
        fakes = generator.predict_on_batch([chance.standard_normal((size, latent)), drawn_breeds])
        soft = chance.uniform(0.9, 1, (size, 1)) * (chance.random((size, 1)) >= 0.05)
        discriminator.train_on_batch([scaled[chosen], breeds[chosen]], soft)
        discriminator.train_on_batch([fakes, drawn_breeds], np.zeros((size, 1)))
        frozen.set_weights(discriminator.get_weights())
        labels = chance.integers(0, count, 2 * size)
        both.train_on_batch([chance.standard_normal((2 * size, latent)), labels], np.ones((2 * size, 1)))

    return step


def _adam() -> keras.optimizers.Adam:
    return keras.optimizers.Adam(0.0002, beta_1=0.5)
