"""The GAN's step: exact repetition, its own optimizers, the average, the penalty, both recipes."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from pedigree.backends.tensorflow import TensorFlowGAN
from pedigree.batches import batch_at
from pedigree.networks import ARCHITECTURES
from pedigree.params import Train

CHANCE = np.random.default_rng(0)
IMAGES = CHANCE.integers(0, 255, (12, 16, 16, 3), dtype=np.uint8)
LABELS = (np.arange(12) % 2).astype(np.int32)


def gan_of(train: Train, precision: str = "float32") -> TensorFlowGAN:
    gan = TensorFlowGAN(train, image_size=16, breeds=2, precision=precision)
    gan.compile_for_training()
    return gan


def steps(gan: TensorFlowGAN, count: int) -> list[dict[str, float]]:
    take = tf.function(lambda batch: gan.train_step((batch,)))
    batches = (batch_at(step, IMAGES, LABELS, gan.train) for step in range(count))
    return [{name: float(value) for name, value in take(tensors(batch)).items()} for batch in batches]


def tensors(batch: object) -> dict[str, tf.Tensor]:
    return {name: tf.constant(value) for name, value in dict(batch).items()}  # type: ignore[call-overload]


@pytest.mark.parametrize("recipe", ARCHITECTURES)
def test_two_runs_are_equal_to_the_last_bit(train_settings: Train, recipe: str) -> None:
    settings = dataclasses.replace(train_settings, recipe=recipe)
    one, two = gan_of(settings), gan_of(settings)
    assert steps(one, 4) == steps(two, 4)
    for a, b in zip(one.average.get_weights(), two.average.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("recipe", ARCHITECTURES)
@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_networks_fit_every_size_that_crops_may_have(recipe: str, size: int) -> None:
    builders = ARCHITECTURES[recipe]
    latents, labels = np.zeros((2, 8), np.float32), np.array([0, 2], np.int32)
    image = np.asarray(builders.build_generator(size, 8, 3, 2)([latents, labels]))
    assert image.shape == (2, size, size, 3)
    logits = builders.build_discriminator(size, 3, 2)([image, labels])
    assert logits.shape == (2, 1)


@pytest.mark.parametrize("recipe", ARCHITECTURES)
def test_both_networks_heed_the_breed(recipe: str) -> None:
    builders = ARCHITECTURES[recipe]
    keras.utils.set_random_seed(0)
    generator, discriminator = builders.build_generator(16, 8, 2, 4), builders.build_discriminator(16, 2, 4)
    for network in (generator, discriminator):
        for weight in network.trainable_weights:  # away from starts at which all breeds are alike
            weight.assign(weight + CHANCE.normal(0, 0.1, weight.shape))
    latents = np.repeat(CHANCE.standard_normal((1, 8), np.float32), 2, axis=0)
    pictures = np.asarray(generator([latents, np.array([0, 1], np.int32)]))
    assert not np.allclose(pictures[0], pictures[1], atol=1e-4)
    logits = np.asarray(discriminator([pictures[[0, 0]], np.array([0, 1], np.int32)]))
    assert not np.allclose(logits[0], logits[1], atol=1e-5)


def test_each_network_has_its_own_optimizer_and_learns(train_settings: Train) -> None:
    gan = gan_of(train_settings)
    before = [[weight.numpy() for weight in net.trainable_variables] for net in (gan.generator, gan.discriminator)]
    steps(gan, 3)
    assert int(gan.generator_optimizer.iterations) == int(gan.discriminator_optimizer.iterations) == 3
    assert gan.generator_optimizer is not gan.discriminator_optimizer
    for network, old in zip((gan.generator, gan.discriminator), before, strict=True):
        changed = [not np.array_equal(a, b) for a, b in zip(network.trainable_variables, old, strict=True)]
        assert all(changed), [w.path for w, c in zip(network.trainable_variables, changed, strict=True) if not c]


def test_without_a_half_life_the_average_is_the_generator(train_settings: Train) -> None:
    gan = gan_of(dataclasses.replace(train_settings, ema_half_life=0))
    steps(gan, 3)
    for a, b in zip(gan.average.get_weights(), gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_average_halves_its_distance_in_a_half_life(train_settings: Train) -> None:
    gan = gan_of(dataclasses.replace(train_settings, ema_half_life=40))
    gan.generator_optimizer.iterations.assign(1000)  # past the warm-up
    for weight in gan.average.weights:
        weight.assign(weight + 1)
    for _ in range(10):  # 10 steps of 4 pictures
        gan.update_average()
    for average, weight in zip(gan.average.weights, gan.generator.weights, strict=True):
        np.testing.assert_allclose(average.numpy() - weight.numpy(), 0.5, atol=1e-5)


def test_the_penalty_is_the_squared_slope_of_the_logit_and_comes_when_due(train_settings: Train) -> None:
    settings = dataclasses.replace(train_settings, r1_weight=2.0, r1_interval=3, augment=[])
    gan = gan_of(settings)
    batch = tensors(batch_at(0, IMAGES, LABELS, settings))
    real = gan.real_images(batch)
    with tf.GradientTape() as tape:
        tape.watch(real)
        logits = gan.discriminator([real, batch["labels"]])
    slope = tape.gradient(logits, real).numpy()
    expected = 3 * 2.0 / 2 * np.mean(np.sum(slope**2, axis=(1, 2, 3)))
    penalties = [facts["r1_penalty"] for facts in steps(gan, 7)]
    assert penalties[0] == pytest.approx(expected, rel=1e-4)
    assert [penalty > 0 for penalty in penalties] == [True, False, False, True, False, False, True]


def test_the_penalty_reaches_the_discriminators_weights(train_settings: Train) -> None:
    plain = dataclasses.replace(train_settings, r1_weight=0.0)
    heavy = dataclasses.replace(train_settings, r1_weight=1000.0)
    norms = [steps(gan_of(settings), 1)[0]["discriminator_gradient_norm"] for settings in (plain, heavy)]
    assert norms[1] > 2 * norms[0]


def test_bfloat16_trains_in_bfloat16_and_keeps_a_float32_generator(train_settings: Train) -> None:
    gan = gan_of(train_settings, "bfloat16")
    assert all(np.isfinite(value) for facts in steps(gan, 2) for value in facts.values())
    assert any(layer.compute_dtype == "bfloat16" for layer in gan.generator.layers)
    assert all(layer.compute_dtype == "float32" for layer in gan.average.layers)
    assert keras.config.dtype_policy().name == "float32"
