"""Second derivatives of a discriminator on Keras's backend: `python second_derivatives.py ARCHITECTURE` prints them."""

import json
import os
import subprocess
import sys
from typing import Any

os.environ.setdefault("JAX_ENABLE_X64", "1")

import keras
import numpy as np
from keras import ops

from pedigree.backends import make_engine
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

AHEAD = 1e-7  # a step so small that hardly any leaky ReLU changes sign


def second_derivatives(architecture: str) -> dict[str, float]:
    """Compute the derivative of Σ|image gradient|² along one direction of the weights, in float64.

    Returns:
        `gradient`, the derivative computed by differentiation, and `difference`, the finite difference, which should
        agree; and `least`, the minimum over all kernels of the largest absolute value of the kernel's gradient.
    """
    chance = np.random.default_rng(0)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    keras.utils.set_random_seed(0)
    shape = Shape(image_size=8, colors=3, latent_size=4, breeds=3, channels=16)
    network = ARCHITECTURES[architecture].build_discriminator(shape, LayerFactory(), "projection")
    weights = network.trainable_variables
    for weight in weights:
        weight.assign(weight + chance.normal(0, 0.2, weight.shape))  # away from kernels that start at zero
    directions = [chance.standard_normal(weight.shape) for weight in weights]
    engine = make_engine("one")

    def step(batch: Any) -> dict[str, Any]:
        def penalty() -> tuple[Any, dict[str, Any]]:
            pictures, labels = batch["images"][0], batch["labels"][0]
            value = ops.sum(ops.square(engine.input_gradient(lambda images: [network([images, labels])], pictures)[1]))
            rounded = ops.cast(value, "float32")  # engines return float32 metrics, so the rest is a second metric
            return value, {"value": rounded, "rest": value - ops.cast(rounded, "float64")}

        for weight, direction in zip(weights, directions, strict=True):
            weight.assign(weight + batch["move"] * direction)
        metrics, gradients = engine.gradients(penalty, weights)
        along = [ops.sum(own * direction) for own, direction in zip(gradients, directions, strict=True)]
        largest = [ops.max(ops.abs(own)) for own in gradients if len(own.shape) > 1]
        return metrics | {"gradient": sum(along), "least": ops.min(ops.stack(largest))}

    breeds = np.array([0, 1, 2, 0], np.int32)
    batches = {
        "move": np.array([0.0, AHEAD, -2 * AHEAD]),
        "images": np.stack([chance.uniform(-1, 1, (1, 4, 8, 8, 3))] * 3),
        "labels": np.stack([breeds[None]] * 3),
        "drawn_labels": np.stack([breeds] * 3),
    }
    metrics = engine.compile(step, network.variables)(batches, 3)
    values = metrics["value"].astype(np.float64) + metrics["rest"]
    return {
        "gradient": float(metrics["gradient"][0]),
        "difference": (values[1] - values[2]) / (2 * AHEAD),
        "least": float(metrics["least"][0]),
    }


def on_both_backends(architecture: str) -> dict[str, dict[str, float]]:
    """Return `second_derivatives` for both backends, each computed in its own process, at the same time."""
    started = {
        backend: subprocess.Popen(
            [sys.executable, __file__, architecture],
            env=os.environ | {"KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for backend in ("tensorflow", "jax")
    }
    ended = {backend: process.communicate() for backend, process in started.items()}
    if failed := [errors for backend, (_, errors) in ended.items() if started[backend].returncode]:
        raise AssertionError(failed[0])
    return {backend: json.loads(output) for backend, (output, _) in ended.items()}


if __name__ == "__main__":
    print(json.dumps(second_derivatives(sys.argv[1])))
