"""The networks and their updates: separate optimizers, the average, penalties, the ramp, augmentation and precision."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from pedigree.backends import cpu_layers, make_engine
from pedigree.networks.reparametrization import effective_weights
from pedigree.settings.params import Train
from pedigree.train.batches import stacked
from pedigree.train.gan import ConditionalGAN
from pedigree.train.step import compile_steps

CHANCE = np.random.default_rng(0)
IMAGES = CHANCE.integers(0, 255, (12, 16, 16, 3), dtype=np.uint8)
LABELS = (np.arange(12) % 2).astype(np.int32)

DISCRIMINATORS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout": {"architecture": "seed-cgan", "conditioning": "concatenation"},
    "spectral norm": {"spectral_norm": "both"},
}


@pytest.fixture(autouse=True)
def eagerly() -> Iterator[None]:
    """Run steps eagerly: a few steps take less time than compiling one. `test_step.py` compiles them."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def gan_of(train: Train, precision: str = "float32") -> ConditionalGAN:
    return ConditionalGAN(train, 16, 2, precision, make_engine("one"))


def take(gan: ConditionalGAN, *calls: range) -> dict[str, Any]:
    """Take the steps of each call, and return the metrics of all steps."""
    steps = compile_steps(gan, max(map(len, calls)))
    results = [steps(stacked(call, IMAGES, LABELS, gan.train)) for call in calls]
    return {name: np.concatenate([metrics[name] for metrics in results]) for name in results[0]}


def test_each_network_has_its_own_optimizer(train_settings: Train) -> None:
    gan = gan_of(dataclasses.replace(train_settings, discriminator_steps=3))
    take(gan, range(4))
    assert (int(gan.generator_optimizer.iterations), int(gan.discriminator_optimizer.iterations)) == (4, 12)


def test_updates_of_one_network_do_not_change_the_other(train_settings: Train) -> None:
    negligible = 1e-30
    for rate, network in (("generator_learning_rate", "generator"), ("discriminator_learning_rate", "discriminator")):
        gan = gan_of(dataclasses.replace(train_settings, **{rate: negligible}))
        before = [np.array(weight) for weight in getattr(gan, network).trainable_variables]
        take(gan, range(3))
        for weight, old in zip(getattr(gan, network).trainable_variables, before, strict=True):
            np.testing.assert_allclose(np.array(weight), old, atol=1e-12)


def test_without_a_half_life_the_average_is_the_generator(train_settings: Train) -> None:
    gan = gan_of(dataclasses.replace(train_settings, ema_half_life=0, spectral_norm="both", r1_weight=0.0))
    take(gan, range(3))
    for average, weight in zip(gan.average.weights, effective_weights(gan.generator), strict=True):
        np.testing.assert_allclose(np.array(average), np.array(weight), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("spectral_norm", ["none", "both"])
def test_the_average_draws_the_images_of_the_generator(train_settings: Train, spectral_norm: str) -> None:
    gan = gan_of(dataclasses.replace(train_settings, ema_half_life=0, spectral_norm=spectral_norm))
    take(gan, range(3))
    inputs = [CHANCE.standard_normal((4, 8), np.float32), LABELS[:4]]
    np.testing.assert_allclose(np.array(gan.average(inputs)), np.array(gan.generator(inputs)), atol=1e-4)


def test_the_average_halves_its_distance_in_a_half_life(train_settings: Train) -> None:
    gan = gan_of(dataclasses.replace(train_settings, ema_half_life=40))
    gan.generator_optimizer.iterations.assign(1000)  # past the warm-up
    for weight in gan.average.weights:
        weight.assign(weight + 1)
    for _ in range(10):  # 10 steps of 4 images
        gan.update_average()
    for average, weight in zip(gan.average.weights, gan.generator.weights, strict=True):
        np.testing.assert_allclose(average.numpy() - weight.numpy(), 0.5, atol=1e-5)


def test_lazy_r1_is_the_interval_times_half_the_squared_gradient_norm(
    train_settings: Train,
) -> None:
    settings = dataclasses.replace(train_settings, r1_weight=2.0, penalty_interval=3, augment=[])
    gan = gan_of(settings)
    batch = stacked(range(1), IMAGES, LABELS, settings)
    real = tf.constant(batch["images"][0, 0] / np.float32(127.5) - 1)
    with tf.GradientTape() as tape:
        tape.watch(real)
        logits = gan.discriminate(real, batch["labels"][0, 0])[0]
    gradient = tape.gradient(logits, real).numpy()
    expected = 3 * 2.0 / 2 * np.mean(np.sum(gradient**2, axis=(1, 2, 3)))
    penalties = take(gan, range(7))["gradient_penalty"]
    assert penalties[0] == pytest.approx(expected, rel=1e-4)
    assert [penalty > 0 for penalty in penalties] == [True, False, False, True, False, False, True]


@pytest.mark.parametrize("change", DISCRIMINATORS.values(), ids=DISCRIMINATORS)
def test_penalties_at_interval_1_equal_lazy_penalties(train_settings: Train, change: dict[str, Any]) -> None:
    """Also with dropout and spectral norm, which compute differently in training mode."""
    penalties = []
    for interval in (1, 2):
        weights = {"r1_weight": 2.0, "r2_weight": 3.0, "penalty_interval": interval}
        gan = gan_of(dataclasses.replace(train_settings, **weights, **change))
        penalties.append(take(gan, range(1))["gradient_penalty"][0] / interval)
    assert penalties[0] == pytest.approx(penalties[1], rel=1e-5)


def test_gradients_without_a_weight_are_not_computed(train_settings: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, sizes = make_engine("one"), []
    input_gradient = type(engine).input_gradient

    def counted(self: Any, function: Any, inputs: Any) -> Any:
        sizes.append(len(inputs))
        return input_gradient(self, function, inputs)

    monkeypatch.setattr(type(engine), "input_gradient", counted)
    for weights, expected in (((0.0, 0.0), 1), ((1.0, 0.0), 2), ((1.0, 1.0), 3)):
        sizes.clear()
        settings = dataclasses.replace(
            train_settings, r1_weight=weights[0], r2_weight=weights[1], penalty_interval=1, batch_size=4
        )
        take(gan_of(settings), range(1))
        assert sizes == [4] * expected  # one of them is for the generator's own gradients


def test_the_penalty_changes_the_discriminators_gradients(train_settings: Train) -> None:
    norms = [
        take(gan_of(dataclasses.replace(train_settings, r1_weight=weight)), range(1))["discriminator_gradient_norm"]
        for weight in (0.0, 1000.0)
    ]
    assert norms[1] > 2 * norms[0]


def test_the_breed_has_no_effect_before_the_ramp_and_an_effect_after_it(train_settings: Train) -> None:
    settings = dataclasses.replace(train_settings, condition_ramp=[8, 16])  # steps 2 and 4, with 4 images each
    gan = gan_of(settings)
    picture, latent = CHANCE.random((1, 16, 16, 3), np.float32), CHANCE.standard_normal((1, 8), np.float32)

    def differences() -> tuple[float, float]:
        pictures = gan.generator([np.repeat(latent, 2, 0), np.array([0, 1])], training=False)
        logits = gan.discriminate(np.repeat(picture, 2, 0), np.array([0, 1]))[0]
        return tuple(float(np.abs(np.diff(np.array(both), axis=0)).max()) for both in (pictures, logits))  # type: ignore[return-value]

    take(gan, range(2))
    assert differences() == pytest.approx((0, 0), abs=1e-6)
    take(gan, range(2, 6))
    assert min(differences()) > 1e-6


def test_augmentation_strength_rises_while_real_logits_are_positive_and_falls_otherwise(
    train_settings: Train,
) -> None:
    settings = dataclasses.replace(train_settings, augment_target=0.6, augment_speed=16, r1_weight=0.0)
    gan = gan_of(settings)
    logit = next(layer for layer in gan.discriminator.layers if layer.name == "logit")
    strengths = []
    for bias in (10.0, -10.0):
        logit.bias.assign([bias])
        strengths.append(take(gan, range(2))["augment_strength"].tolist())
    assert strengths == [[0.25, 0.5], [0.25, 0.0]]


def test_learning_rates_follow_the_schedule(train_settings: Train) -> None:
    settings = dataclasses.replace(train_settings, learning_rate_schedule="linear", learning_rate_warmup=0, steps=4)
    gan = gan_of(settings)
    rates = [float(ops.convert_to_tensor(gan.generator_optimizer.learning_rate))]
    for step in range(4):
        take(gan, range(step, step + 1))
        rates.append(float(ops.convert_to_tensor(gan.generator_optimizer.learning_rate)))
    assert rates == pytest.approx([settings.generator_learning_rate * left / 4 for left in (4, 3, 2, 1, 0)], abs=1e-9)


def test_metrics_have_the_gradient_norm_of_each_weight_and_of_all(train_settings: Train) -> None:
    gan = gan_of(train_settings)
    metrics = take(gan, range(2))
    for network in ("generator", "discriminator"):
        norms = metrics[f"{network}_gradient_norms"]
        assert norms.shape == (2, len(getattr(gan, network).trainable_variables))
        np.testing.assert_allclose(np.linalg.norm(norms, axis=1), metrics[f"{network}_gradient_norm"], rtol=1e-5)


@pytest.mark.parametrize(("precision", "fast"), [("bfloat16", True), ("float32", False)])
def test_trained_networks_use_the_fast_cpu_layers_in_bfloat16(
    train_settings: Train, precision: str, fast: bool
) -> None:
    gan = gan_of(train_settings, precision)
    for network, expected in ((gan.generator, fast), (gan.discriminator, fast), (gan.average, False)):
        assert (
            any(isinstance(layer, cpu_layers.Conv2D | cpu_layers.Conv2DTranspose) for layer in network.layers)
            == expected
        )


def test_with_bfloat16_the_generator_computes_in_it_and_the_average_in_float32(train_settings: Train) -> None:
    gan = gan_of(train_settings, "bfloat16")
    assert all(np.isfinite(value).all() for value in take(gan, range(2)).values())
    assert any(layer.compute_dtype == "bfloat16" for layer in gan.generator.layers)
    assert all(layer.compute_dtype == "float32" for layer in gan.average.layers)
    assert keras.config.dtype_policy().name == "float32"
