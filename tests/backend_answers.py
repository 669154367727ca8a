"""Results of training steps on this process's backend, for each architecture, from weights in a file.

`KERAS_BACKEND=jax python tests/backend_answers.py FOLDER` writes the results of JAX, with two devices, to FOLDER. The
networks are small (16 px, 4 channels), and all results come from one compiled call of three steps, because compiling
takes most of the time.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
from keras import layers, ops

import pedigree.train.step
from pedigree.backends import make_engine
from pedigree.errors import UsageError
from pedigree.generator.model import load_generator, save_generator
from pedigree.settings.params import load
from pedigree.settings.train import Train
from pedigree.train.batches import stacked
from pedigree.train.gan import ConditionalGAN
from pedigree.train.step import compile_steps

STEPS, SIZE, BREEDS = 3, 16, ("n90000001-Red", "n90000002-Blue")
CHANCE = np.random.default_rng(0)
IMAGES = CHANCE.integers(0, 256, (12, SIZE, SIZE, 3), dtype=np.uint8)
LABELS = np.arange(12, dtype=np.int32) % 2
DRAWN = np.arange(16, dtype=np.int32) % 2  # the breeds of the images that the averaged generator draws

BASE: dict[str, Any] = {
    "steps": 6,
    "batch_size": 4,
    "generator_batch_size": 4,
    "latent_size": 8,
    "channels": 4,
    "augment": [],
    "r1_weight": 0.0,
    "penalty_interval": 1,
    "ema_half_life": 20,
    "precision": "float32",
}
# Every architecture, loss, penalty (in every step or at an interval) and conditioning, and everything that has state.
SETTINGS: dict[str, dict[str, Any]] = {
    "projection-dcgan": {
        "loss": "hinge",
        "conditioning": "both",
        "classifier_weight": 1.0,
        "generator_classifier_weight": 0.5,
        "spectral_norm": "both",
        "augment": ["flip", "color", "translation", "cutout"],
        "augment_target": 0.0,
        "augment_speed": 40,
        "r1_weight": 0.5,
        "penalty_interval": 2,
    },
    "mlp": {
        "loss": "minimax",
        "discriminator_steps": 2,
        "batch_size": 8,  # batch norm over four images amplifies rounding errors too much
        "generator_batch_size": 8,
        "real_targets": [0.8, 1.0],
        "fake_targets": [0.0, 0.1],
        "real_flips": 0.2,
        "fake_flips": 0.2,
        "condition_ramp": [10, 40],
        "latent": "uniform",
        "learning_rate_schedule": "cosine",
        "learning_rate_warmup": 2,
        "r1_weight": 0.5,
        "r2_weight": 0.5,
        "gradient_penalty_weight": 1.0,
        "penalty_interval": 3,
    },
    "dcgan": {"loss": "non-saturating", "conditioning": "concatenation", "generator_batch_size": 6, "ema_half_life": 0},
    "seed-cgan": {"loss": "least-squares", "conditioning": "concatenation", "r2_weight": 0.5},
    "wgan-gp": {
        "loss": "wasserstein",
        "gradient_penalty_weight": 10.0,
        "conditioning": "classifier",
        "classifier_weight": 1.0,
        "generator_classifier_weight": 0.5,
    },
    "progan": {
        "loss": "wasserstein",
        "channels": 12,  # pixel norm over four features multiplies rounding errors by 50: some pixels are nearly zero
        "gradient_penalty_weight": 10.0,
        "conditioning": "none",
    },
    "r3gan": {"loss": "relativistic", "r1_weight": 1.0, "r2_weight": 1.0},
    "sagan": {"loss": "hinge", "spectral_norm": "discriminator"},
    "biggan": {"loss": "hinge", "latent_size": 16, "colors": "grey"},
    "lapgan": {
        "loss": "non-saturating",
        "conditioning": "both",
        "classifier_weight": 1.0,
        "generator_classifier_weight": 0.5,
        "discriminator_steps": 2,
        "augment": ["translation", "cutout"],
        "r1_weight": 0.5,
    },
    "cogan": {"conditioning": "none", "r1_weight": 0.5, "condition_ramp": [0, 20], "loss": "hinge"},
}
WITH_ADAM = {"projection-dcgan", "mlp"}  # the others are trained with SGD, which compiles faster


def settings(architecture: str) -> Train:
    """Return the settings of that architecture above, and else the default's, but small."""
    train = load(Train, Path(__file__).parents[1] / "params.yaml")
    return dataclasses.replace(train, architecture=architecture, **(BASE | SETTINGS[architecture]))


def gan_of(train: Train, devices: str = "one", precision: str = "float32") -> ConditionalGAN:
    """Build the GAN without the two things that differ between correct backends: dropout, and Adam's small epsilon.

    Each backend has its own random bits for dropout. Adam divides a gradient by its magnitude, and would turn the
    rounding error of a gradient that should be zero into a full step.
    """
    gan = ConditionalGAN(train, SIZE, len(BREEDS), precision, make_engine(devices))
    for layer in gan.discriminator.layers:
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0
    gan.generator_optimizer.epsilon = gan.discriminator_optimizer.epsilon = 1e-2
    if train.architecture not in WITH_ADAM:
        gan.generator_optimizer = keras.optimizers.SGD(train.generator_learning_rate)
        gan.generator_optimizer.build(gan.generator.trainable_variables)
        gan.discriminator_optimizer = keras.optimizers.SGD(train.discriminator_learning_rate)
        gan.discriminator_optimizer.build(gan.discriminator.trainable_variables)
    return gan


def floats(gan: ConditionalGAN) -> list[keras.Variable]:
    """Return the variables that both backends have: all except counters and seeds."""
    return [variable for variable in gan.variables if "float" in variable.dtype]


def shake(gan: ConditionalGAN) -> None:
    """Perturb every weight of both networks, and those that are zero more, so that every layer has an effect."""
    chance = np.random.default_rng(1)
    for variable in (*gan.generator.weights, *gan.discriminator.weights):
        if "float" in variable.dtype:
            deviation = 0.05 if np.any(variable) else 0.2
            variable.assign(variable + chance.normal(0, deviation, variable.shape).astype(np.float32))


def answers(gan: ConditionalGAN) -> dict[str, np.ndarray]:
    """Take three steps in one call. Return their gradients and metrics, `(3, …)`, and the weights after them."""

    def whole(network: str, gradients: list[Any]) -> dict[str, Any]:
        weights = getattr(gan, network).trainable_variables
        shaped = [ops.reshape(gradient, weight.shape) for gradient, weight in zip(gradients, weights, strict=True)]
        return {f"{network} {place}": gradient for place, gradient in enumerate(shaped)}

    with mock.patch.object(
        pedigree.train.step, "gradient_norms", whole
    ):  # the gradients themselves instead of their norms
        metrics = compile_steps(gan, STEPS)(stacked(range(STEPS), IMAGES, LABELS, gan.train))
    after = {f"weight {place}": np.asarray(variable) for place, variable in enumerate(floats(gan))}
    return dict(metrics) | after


def write_start(folder: Path, architecture: str) -> ConditionalGAN:
    """Write the initial weights for both backends, and return a GAN that has them."""
    gan = gan_of(settings(architecture))
    shake(gan)
    np.savez(
        folder / f"start-{architecture}.npz", **{f"{place}": np.asarray(each) for place, each in enumerate(floats(gan))}
    )
    return gan


def started(folder: Path, architecture: str, devices: str = "one") -> ConditionalGAN:
    """Build a GAN with the weights of `write_start`."""
    gan = gan_of(settings(architecture), devices)
    with np.load(folder / f"start-{architecture}.npz") as arrays:
        for place, variable in enumerate(floats(gan)):
            variable.assign(arrays[f"{place}"])
    return gan


def answer(folder: Path, gan: ConditionalGAN) -> None:
    """Write the results of this backend, and the generator it trained."""
    name = f"{keras.backend.backend()}-{gan.train.architecture}"
    np.savez(folder / f"{name}.npz", **answers(gan))
    save_generator(gan.average, BREEDS, folder / f"{name}.keras", gan.train.latent)


def draw(folder: Path, architecture: str) -> None:
    """Draw on this backend with the generators trained on each backend."""
    for trained in ("tensorflow", "jax"):
        drawn = load_generator(folder / f"{trained}-{architecture}.keras").draw(DRAWN, seed=0)
        np.save(folder / f"{keras.backend.backend()}-draws-{trained}-{architecture}.npy", drawn)


def split(folder: Path, architecture: str) -> dict[str, Any]:
    """Take the three steps of `answer` in two calls, then a fourth step. Return how often the step was traced."""
    gan, traces = started(folder, architecture), []
    step = pedigree.train.step.train_step
    with mock.patch.object(pedigree.train.step, "train_step", lambda *given: traces.append(given) or step(*given)):
        take = compile_steps(gan, STEPS)
        for steps in (range(1), range(1, 3)):
            take(stacked(steps, IMAGES, LABELS, gan.train))
        after = {f"weight {place}": np.asarray(variable) for place, variable in enumerate(floats(gan))}
        np.savez(folder / f"split-{architecture}.npz", **after)
        take(stacked(range(3, 4), IMAGES, LABELS, gan.train))
    return {"traces": len(traces)}


def two_devices(folder: Path, architecture: str) -> dict[str, Any]:
    """Write the results of two devices. Return the error for a batch that cannot be split in two."""
    gan = started(folder, architecture, "all")
    np.savez(folder / f"two-devices-{architecture}.npz", **answers(gan))
    uneven = gan_of(dataclasses.replace(gan.train, batch_size=3), "all")
    try:
        compile_steps(uneven, 1)(stacked(range(1), IMAGES, LABELS, uneven.train))
    except UsageError as error:
        return {"devices": gan.engine.devices, "uneven": str(error)}
    return {"devices": gan.engine.devices, "uneven": None}


def bfloat16(architecture: str) -> dict[str, Any]:
    """Train in bfloat16. Return the metrics that are not finite, and the precisions of both generators' layers."""
    gan = gan_of(settings(architecture), precision="bfloat16")
    metrics = compile_steps(gan, STEPS)(stacked(range(STEPS), IMAGES, LABELS, gan.train))
    networks = {"generator": gan.generator, "average": gan.average}
    return {
        "not finite": [name for name, values in metrics.items() if not np.isfinite(values).all()],
        **{name: sorted({layer.compute_dtype for layer in net.layers}) for name, net in networks.items()},
    }


if __name__ == "__main__":
    where = Path(sys.argv[1])
    for architecture in SETTINGS:
        answer(where, started(where, architecture))
    facts = split(where, "dcgan") | two_devices(where, "dcgan") | bfloat16("seed-cgan")
    (where / "facts.json").write_text(json.dumps(facts))
    sys.stdin.readline()  # wait for the other backend's generators
    for architecture in SETTINGS:
        draw(where, architecture)
