"""JAX and TensorFlow give the same gradients, training steps and images; and properties of the JAX engine.

All results of a backend are computed in one process (`backend_answers`): this one, with TensorFlow run eagerly, and a
second one with JAX.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import backend_answers
import numpy as np
import pytest
import tensorflow as tf
from backend_answers import SETTINGS

from pedigree.networks import ARCHITECTURES

pytestmark = pytest.mark.skipif(find_spec("jax") is None, reason="JAX, the second backend, is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the results of both backends."""
    where = tmp_path_factory.mktemp("backends")
    gans = [backend_answers.write_start(where, architecture) for architecture in SETTINGS]
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    with subprocess.Popen(
        [sys.executable, backend_answers.__file__, where], env=environment, stdin=subprocess.PIPE, text=True
    ) as other:
        tf.config.run_functions_eagerly(True)
        try:
            for gan in gans:
                backend_answers.answer(where, gan)
        finally:
            tf.config.run_functions_eagerly(False)
            other.communicate("done\n")
    assert other.returncode == 0
    for architecture in SETTINGS:
        backend_answers.draw(where, architecture)
    return where


def arrays(file: Path) -> dict[str, np.ndarray]:
    with np.load(file) as members:
        return dict(members)


def both(folder: Path, architecture: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return the name of each result with the values of TensorFlow and of JAX."""
    one, other = (arrays(folder / f"{backend}-{architecture}.npz") for backend in ("tensorflow", "jax"))
    assert set(one) == set(other)
    return [(name, one[name], other[name]) for name in one]


def test_every_architecture_and_loss_is_compared() -> None:
    assert set(SETTINGS) == set(ARCHITECTURES)
    assert {setting["loss"] for setting in SETTINGS.values()} == {
        "minimax", "non-saturating", "hinge", "least-squares", "wasserstein", "relativistic",
    }  # fmt: skip


@pytest.mark.parametrize("network", ["generator", "discriminator"])
@pytest.mark.parametrize("architecture", SETTINGS)
def test_gradients_agree_to_1e_5(folder: Path, architecture: str, network: str) -> None:
    """Relative to the largest value of the tensor; or 1e-6 of the network's, if the sums in a tensor nearly cancel."""
    compared = [each for each in both(folder, architecture) if each[0].split()[0] == network]
    largest = max(np.abs(one[0]).max() for _, one, _ in compared)
    for name, one, other in compared:
        within = max(1e-5 * np.abs(one[0]).max(), 1e-6 * largest)
        np.testing.assert_allclose(other[0], one[0], rtol=0, atol=within, err_msg=name)
        assert one.ndim < 3 or np.abs(one).max() > 0, f"{name} learns nothing"


@pytest.mark.parametrize("architecture", SETTINGS)
def test_all_variables_agree_to_1e_4_after_three_steps(folder: Path, architecture: str) -> None:
    """Relative to the largest value of the tensor, and with optimizers and average. Rounding errors grow every step."""
    weights = [each for each in both(folder, architecture) if each[0].split()[0] == "weight"]
    assert len(weights) > 20
    for name, one, other in weights:
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-4 * np.abs(one).max() + 1e-7, err_msg=name)


@pytest.mark.parametrize("architecture", SETTINGS)
def test_the_metrics_of_a_step_agree_to_1e_4(folder: Path, architecture: str) -> None:
    for name, one, other in both(folder, architecture):
        if name.split()[0] not in ("weight", "generator", "discriminator"):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("architecture", SETTINGS)
def test_penalties_are_applied_at_their_interval(folder: Path, architecture: str) -> None:
    setting = SETTINGS[architecture]
    on = any(setting.get(name) for name in ("r1_weight", "r2_weight", "gradient_penalty_weight"))
    due = [on and step % setting.get("penalty_interval", 1) == 0 for step in range(backend_answers.STEPS)]
    if setting.get("discriminator_steps", 1) == 1:
        assert (arrays(folder / f"jax-{architecture}.npz")["gradient_penalty"] > 0).tolist() == due


@pytest.mark.parametrize("trained", ["tensorflow", "jax"])
@pytest.mark.parametrize("architecture", SETTINGS)
def test_a_generator_draws_the_same_images_on_the_other_backend(folder: Path, architecture: str, trained: str) -> None:
    one, other = (
        np.load(folder / f"{backend}-draws-{trained}-{architecture}.npy") for backend in ("tensorflow", "jax")
    )
    apart = np.abs(one.astype(int) - other)
    assert apart.max() <= 1
    assert np.mean(apart > 0) < 1e-3
    assert one.std() > 1


def test_on_jax_a_step_is_traced_once_and_its_results_do_not_depend_on_the_calls(folder: Path) -> None:
    assert json.loads((folder / "facts.json").read_text())["traces"] == 1
    whole = arrays(folder / "jax-dcgan.npz")
    for name, weight in arrays(folder / "split-dcgan.npz").items():
        np.testing.assert_array_equal(weight, whole[name], err_msg=name)


def test_on_jax_two_devices_agree_with_one_to_1e_6(folder: Path) -> None:
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["devices"] == 2
    one, two = arrays(folder / "jax-dcgan.npz"), arrays(folder / "two-devices-dcgan.npz")
    assert set(one) == set(two)
    for name, weight in two.items():
        np.testing.assert_allclose(weight, one[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_on_jax_a_batch_that_cannot_be_split_equally_is_refused(folder: Path) -> None:
    uneven = json.loads((folder / "facts.json").read_text())["uneven"]
    assert "3 real and 6 generated images" in uneven
    assert "multiples of 2" in uneven


def test_on_jax_bfloat16_trains_and_the_average_is_float32(folder: Path) -> None:
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["not finite"] == []
    assert "bfloat16" in facts["generator"]
    assert facts["average"] == ["float32"]
