"""Results of two training steps of a translator on this process's backend, from weights in a file.

`KERAS_BACKEND=jax python tests/translation_answers.py FOLDER` writes the results of JAX to FOLDER.
"""

import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from keras import ops

import pedigree.translate.step
from pedigree.backends import make_engine
from pedigree.common.packed_crops import Crops
from pedigree.settings.translate import Translate
from pedigree.train.calls import compile_calls
from pedigree.translate.batches import stacked
from pedigree.translate.gan import CycleGAN, trainable

STEPS = 2
SETTINGS = Translate(steps=8, batch_size=2, channels=2, pool_size=2, ema_half_life=10, precision="float32")
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
LABELS = np.arange(8, dtype=np.int32) % 2
PAIR = Crops(IMAGES, LABELS, IMAGES, LABELS, ("n90000001-Red", "n90000002-Blue"))


def new_gan() -> CycleGAN:
    """Build the networks. Adam's small epsilon would turn the rounding error of a zero gradient into a full step."""
    gan = CycleGAN(SETTINGS, 16, "float32", make_engine("one"))
    gan.generator_optimizer.epsilon = gan.discriminator_optimizer.epsilon = 1e-2
    return gan


def answers(gan: CycleGAN) -> dict[str, np.ndarray]:
    """Take two steps in one call. Return their gradients and metrics, `(2, …)`, and the variables after them."""

    def whole(network: str, gradients: list[Any]) -> dict[str, Any]:
        weights = trainable(getattr(gan, f"{network}s"))
        return {
            f"{network} {place}": ops.reshape(gradient, weight.shape)
            for place, (gradient, weight) in enumerate(zip(gradients, weights, strict=True))
        }

    with mock.patch.object(pedigree.translate.step, "gradient_norms", whole):
        take = compile_calls(gan.engine, lambda batch: pedigree.translate.step.train_step(gan, batch), gan.variables, 2)
        metrics = take(stacked(range(STEPS), PAIR, SETTINGS))
    floats = [variable for variable in gan.variables if "float" in variable.dtype]
    return dict(metrics) | {f"variable {place}": np.asarray(each) for place, each in enumerate(floats)}


if __name__ == "__main__":
    where, started = Path(sys.argv[1]), new_gan()
    with np.load(where / "start.npz") as arrays:
        for place, variable in enumerate(started.variables):
            if "float" in variable.dtype:
                variable.assign(arrays[f"{place}"])
    np.savez(where / "jax.npz", **answers(started))
