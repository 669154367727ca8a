"""What losses, penalties, augmentation and schedules answer on this process's backend, on fixed inputs.

`KERAS_BACKEND=jax python tests/training_math.py FILE.npz` writes the answers of that backend.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pedigree.settings.params import load
from pedigree.settings.train import Train
from pedigree.train.augmentation import KINDS, adapted, augment, draws
from pedigree.train.losses import LOSSES, classification
from pedigree.train.penalties import mixed, squared_slope, unit_slope
from pedigree.train.schedules import learning_rate

CHANCE = np.random.default_rng(0)
PICTURES, OTHERS, WEIGHTS = CHANCE.uniform(-1, 1, (3, 4, 16, 16, 3)).astype(np.float32)
CHANCES = CHANCE.random((4, draws(KINDS))).astype(np.float32)
REAL, FAKE, TARGETS = CHANCE.normal(0, 2, (3, 8, 1)).astype(np.float32)
CLASSES, LABELS = CHANCE.normal(0, 2, (8, 5)).astype(np.float32), np.arange(8, dtype=np.int32) % 5


def slope_of(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the function that gives the gradient of a scalar function, differentiable itself."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)
    import tensorflow as tf

    def slope(at: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(at)
            value = function(at)
        return tape.gradient(value, at)

    return slope


def compiled(function: Callable[[], Any]) -> Callable[[], Any]:
    """Return the function compiled as training compiles it."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function)


def questions() -> dict[str, tuple[Callable[[Any], Any], Any]]:
    """Return, for each name, a scalar function and where to ask it."""

    def energy(pictures: Any) -> Any:
        changed = augment(pictures, CHANCES, KINDS, np.float32(0.7))
        return keras.ops.sum(WEIGHTS * changed**3)

    asked: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "classification": (lambda logits: classification(logits, LABELS), CLASSES),
        "squared slope": (squared_slope, WEIGHTS),
        "unit slope": (unit_slope, WEIGHTS * (np.arange(4) > 0).reshape(4, 1, 1, 1).astype(np.float32)),
        "mixed": (lambda real: keras.ops.sum(WEIGHTS * mixed(real, OTHERS, CHANCES[:, :1])), PICTURES),
        "augment": (energy, PICTURES),
        "augment, its slope": (lambda pictures: keras.ops.sum(OTHERS * slope_of(energy)(pictures)), PICTURES),
        "adapted": (lambda strength: adapted(strength, np.float32(0.7), 0.6, 32, 1000), np.float32(0.5)),
    }
    for name, loss in LOSSES.items():
        asked[f"{name}, discriminator"] = (
            lambda fake, judge=loss: judge.discriminator(REAL, fake, TARGETS, TARGETS),
            FAKE,
        )
        asked[f"{name}, generator"] = (lambda fake, judge=loss: judge.generator(fake, REAL), FAKE)
    return asked


def answers(train: Train) -> dict[str, np.ndarray]:
    """Return values, gradients and learning rates, all in one compiled call."""

    def ask() -> dict[str, Any]:
        found = {}
        for name, (function, given) in questions().items():
            at = keras.ops.convert_to_tensor(given)
            found[name], found[f"gradient of {name}"] = function(at), slope_of(function)(at)
        for kind in ("linear", "cosine"):
            settings = vars(train) | {"steps": 10, "learning_rate_schedule": kind, "learning_rate_warmup": 3}
            found[kind] = learning_rate(Train(**settings), 0.002, 2)(keras.ops.arange(21))
        return found

    return {name: keras.ops.convert_to_numpy(answer) for name, answer in compiled(ask)().items()}


if __name__ == "__main__":
    np.savez(sys.argv[1], **answers(load(Train, Path(__file__).parents[1] / "params.yaml")))
