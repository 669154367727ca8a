"""JAX and TensorFlow give the same gradients and steps of a translator, with its pool and average."""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import tensorflow as tf
import translation_answers

pytestmark = pytest.mark.skipif(find_spec("jax") is None, reason="JAX, the second backend, is not installed")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return the name of each result with the values of TensorFlow and of JAX."""
    where = tmp_path_factory.mktemp("backends")
    gan = translation_answers.new_gan()
    chance = np.random.default_rng(1)
    for variable in translation_answers.trainable([*gan.generators, *gan.discriminators]):
        variable.assign(variable + chance.normal(0, 0.1, variable.shape).astype(np.float32))
    np.savez(where / "start.npz", **{f"{place}": np.asarray(each) for place, each in enumerate(gan.variables)})
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, translation_answers.__file__, where], env=environment, check=True)
    tf.config.run_functions_eagerly(True)
    try:
        ours = translation_answers.answers(gan)
    finally:
        tf.config.run_functions_eagerly(False)
    with np.load(where / "jax.npz") as arrays:
        assert set(arrays) == set(ours)
        return [(name, ours[name], arrays[name]) for name in ours]


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_gradients_agree_to_1e_4(both: list[tuple[str, np.ndarray, np.ndarray]], network: str) -> None:
    """Relative to the largest value of the tensor; or 1e-5 of the network's, if the sums in a tensor nearly cancel."""
    compared = [each for each in both if each[0].split()[0] == network]
    largest = max(np.abs(one[0]).max() for _, one, _ in compared)
    for name, one, other in compared:
        within = max(1e-4 * np.abs(one[0]).max(), 1e-5 * largest)
        np.testing.assert_allclose(other[0], one[0], rtol=0, atol=within, err_msg=name)
        assert one.ndim < 3 or np.abs(one).max() > 0, f"{name} learns nothing"


def test_metrics_and_variables_agree_after_two_steps(both: list[tuple[str, np.ndarray, np.ndarray]]) -> None:
    # 5e-6: a bias before instance norm has no gradient, and what rounding leaves of it differs.
    for name, one, other in both:
        if name.split()[0] not in ("generator", "discriminator"):
            np.testing.assert_allclose(other, one, rtol=0, atol=1e-3 * np.abs(one).max() + 5e-6, err_msg=name)
