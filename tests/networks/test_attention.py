"""Self-attention: its formula, its start as the identity, and gradient penalties through it on both backends."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from pedigree.networks.attention import self_attention
from pedigree.networks.layer_factory import LayerFactory

CHANCE = np.random.default_rng(0)
MAPS = CHANCE.standard_normal((2, 6, 6, 16), np.float32)


def block(factory: LayerFactory, width: int = 16, side: int = 6) -> keras.Model:
    keras.utils.set_random_seed(0)
    maps = keras.Input((side, side, width))
    return keras.Model(maps, self_attention(maps, factory))


def test_it_starts_as_the_identity() -> None:
    np.testing.assert_array_equal(np.asarray(block(LayerFactory())(MAPS)), MAPS)


def test_it_is_the_papers_formula_over_pooled_keys_and_values() -> None:
    network = block(LayerFactory())
    value, key, query, out, gamma = (CHANCE.standard_normal(weight.shape, np.float32) for weight in network.weights)
    network.set_weights([value, key, query, out, gamma])
    places = MAPS.reshape(2, 36, 16)
    score = np.einsum("npc,nqc->npq", places @ query[0, 0], pooled(MAPS @ key[0, 0]))
    share = np.exp(score - score.max(axis=-1, keepdims=True))
    share /= share.sum(axis=-1, keepdims=True)
    output = np.einsum("npq,nqc->npc", share, pooled(MAPS @ value[0, 0])) @ out[0, 0]
    expected = places + gamma.item() * output
    np.testing.assert_allclose(np.asarray(network(MAPS)).reshape(2, 36, 16), expected, rtol=1e-4, atol=1e-4)


def pooled(maps: np.ndarray) -> np.ndarray:
    """Return the maximum of each 2×2 positions, as a list of positions."""
    count, side, _, width = maps.shape
    return maps.reshape(count, side // 2, 2, side // 2, 2, width).max(axis=(2, 4)).reshape(count, -1, width)


def test_its_weights_are_the_papers() -> None:
    shapes = sorted(tuple(weight.shape) for weight in block(LayerFactory(), width=64, side=8).weights)
    assert shapes == [(1, 1), (1, 1, 32, 64), (1, 1, 64, 8), (1, 1, 64, 8), (1, 1, 64, 32)]


@pytest.mark.parametrize("width", [1, 4, 7])
def test_it_works_with_few_channels(width: int) -> None:
    maps = CHANCE.standard_normal((2, 7, 7, width), np.float32)
    assert np.asarray(block(LayerFactory(spectral=True), width, side=7)(maps)).shape == maps.shape


def test_the_softmax_is_computed_in_float32_in_any_precision() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = block(LayerFactory())
    finally:
        keras.config.set_dtype_policy(before)
    computes = {type(layer).__name__: layer.compute_dtype for layer in network.layers}
    assert (computes["Attention"], computes["Conv2D"]) == ("float32", "bfloat16")
    assert keras.backend.standardize_dtype(network(MAPS).dtype) == "bfloat16"


PENALTY = """
import keras, numpy as np
from keras import ops
from pedigree.networks.attention import self_attention
from pedigree.networks.layer_factory import LayerFactory

maps = keras.Input((4, 4, 8))
network = keras.Model(maps, self_attention(keras.layers.Conv2D(8, 3, padding="same")(maps), LayerFactory()))
chance = np.random.default_rng(0)  # with this seed, no finite difference changes which position max pooling selects
x = chance.standard_normal((3, 4, 4, 8), "float32")
weights = [0.3 * chance.standard_normal(weight.shape, "float32") for weight in network.trainable_variables]
directions = [chance.standard_normal(weight.shape, "float32") for weight in weights]
for variable, weight in zip(network.trainable_variables, weights):
    variable.assign(weight)

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    @tf.function
    def penalty():
        inputs = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(network(inputs) ** 2)
        return tf.reduce_mean(tape.gradient(total, inputs) ** 2)

    with tf.GradientTape() as tape:
        value = penalty()
    gradients = tape.gradient(value, network.trainable_variables)

    def value_at(changed):
        for variable, weight in zip(network.trainable_variables, changed):
            variable.assign(weight)
        return float(penalty())
else:
    import jax

    @jax.jit
    def penalty(changed):
        total = lambda inputs: ops.sum(network.stateless_call(changed, [], inputs)[0] ** 2)
        return ops.mean(jax.grad(total)(x) ** 2)

    gradients = jax.jit(jax.grad(penalty))([jax.numpy.asarray(weight) for weight in weights])
    value_at = lambda changed: float(penalty(changed))

for index, direction in enumerate(directions):
    step = 1e-3 / np.sqrt(np.mean(direction**2))
    ends = [
        value_at([w + sign * step * direction if i == index else w for i, w in enumerate(weights)]) for sign in (1, -1)
    ]
    print(float(np.sum(np.asarray(gradients[index]) * direction)), (ends[0] - ends[1]) / (2 * step))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_gradient_penalty_has_the_gradient_of_finite_differences(backend: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PENALTY],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    gradients, expected = np.array([line.split() for line in run.stdout.splitlines()], float).T
    assert len(gradients) == 7
    assert np.all(gradients != 0)
    np.testing.assert_allclose(gradients, expected, rtol=0.02, atol=0.02 * np.abs(expected).max())
