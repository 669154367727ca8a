"""Values of losses, penalties, augmentation and schedules on this process's backend, for fixed inputs.

`KERAS_BACKEND=jax python tests/training_math.py FILE.npz` writes the values of that backend.
"""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pedigree.backends import make_engine
from pedigree.networks.layer_factory import LayerFactory
from pedigree.settings.params import load
from pedigree.settings.train import Train
from pedigree.train.augmentation import KINDS, adapted, augment, draws
from pedigree.train.losses import LOSSES, classification
from pedigree.train.penalties import mixed, squared_norm_penalty, unit_norm_penalty
from pedigree.train.pretrained import Pretrained, build_pretrained
from pedigree.train.schedules import learning_rate

CHANCE = np.random.default_rng(0)
PICTURES, OTHERS, WEIGHTS = CHANCE.uniform(-1, 1, (3, 4, 16, 16, 3)).astype(np.float32)
CHANCES = CHANCE.random((4, draws(KINDS))).astype(np.float32)
REAL, FAKE, TARGETS = CHANCE.normal(0, 2, (3, 8, 1)).astype(np.float32)
CLASSES, LABELS = CHANCE.normal(0, 2, (8, 5)).astype(np.float32), np.arange(8, dtype=np.int32) % 5


def gradient_of(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the gradient of a scalar function, as a function that can itself be differentiated."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)
    import tensorflow as tf

    def gradient(argument: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(argument)
            value = function(argument)
        return tape.gradient(value, argument)

    return gradient


def compiled(function: Callable[[], Any]) -> Callable[[], Any]:
    """Return the function, compiled as in training."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function)


def pretrained(train: Train) -> Pretrained:
    """Build the frozen network with heads whose weights do not depend on the backend."""
    settings = dataclasses.replace(train, features_weight=1.0, features_input=32)
    factory = LayerFactory(layer_module=make_engine("one").layer_module("float32"))
    network, heads = build_pretrained(settings, 16, 5, "float32", factory)
    chance = np.random.default_rng(1)
    for variable in heads.variables:
        if "variance" not in variable.name:
            variable.assign(chance.normal(0, 1, variable.shape).astype(np.float32))
    return Pretrained(network, heads, None)


def functions(train: Train) -> dict[str, tuple[Callable[[Any], Any], Any]]:
    """Return scalar functions by name, each with its argument."""

    def energy(pictures: Any) -> Any:
        changed = augment(pictures, CHANCES, KINDS, np.float32(0.7))
        return keras.ops.sum(WEIGHTS * changed**3)

    features = pretrained(train)

    def feature_loss(pictures: Any) -> Any:
        maps = features.network(pictures)
        return sum(map(keras.ops.mean, features.heads([*maps, keras.ops.convert_to_tensor(LABELS[:4])])))

    cases: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "classification": (lambda logits: classification(logits, LABELS), CLASSES),
        "squared norm penalty": (squared_norm_penalty, WEIGHTS),
        "unit norm penalty": (unit_norm_penalty, WEIGHTS * (np.arange(4) > 0).reshape(4, 1, 1, 1).astype(np.float32)),
        "mixed": (lambda real: keras.ops.sum(WEIGHTS * mixed(real, OTHERS, CHANCES[:, :1])), PICTURES),
        "augment": (energy, PICTURES),
        "augment, its gradient": (lambda pictures: keras.ops.sum(OTHERS * gradient_of(energy)(pictures)), PICTURES),
        "loss by pretrained features": (feature_loss, PICTURES),
        "adapted": (lambda strength: adapted(strength, np.float32(0.7), 0.6, 32, 1000), np.float32(0.5)),
    }
    for name, loss in LOSSES.items():
        cases[f"{name}, discriminator"] = (
            lambda fake, loss=loss: loss.discriminator(REAL, fake, TARGETS, TARGETS),
            FAKE,
        )
        cases[f"{name}, generator"] = (lambda fake, loss=loss: loss.generator(fake, REAL), FAKE)
    return cases


def answers(train: Train) -> dict[str, np.ndarray]:
    """Return values, gradients and learning rates, all in one compiled call."""

    cases = functions(train)

    def compute() -> dict[str, Any]:
        results = {}
        for name, (function, argument) in cases.items():
            tensor = keras.ops.convert_to_tensor(argument)
            results[name], results[f"gradient of {name}"] = function(tensor), gradient_of(function)(tensor)
        for kind in ("linear", "cosine"):
            settings = vars(train) | {"steps": 10, "learning_rate_schedule": kind, "learning_rate_warmup": 3}
            results[kind] = learning_rate(Train(**settings), 0.002, 2)(keras.ops.arange(21))
        return results

    return {name: keras.ops.convert_to_numpy(value) for name, value in compiled(compute)().items()}


if __name__ == "__main__":
    np.savez(sys.argv[1], **answers(load(Train, Path(__file__).parents[1] / "params.yaml")))
