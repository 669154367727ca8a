"""`train.devices: gpu`: training on a machine without a GPU is an error that names the command that says why."""

import dataclasses
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import tensorflow as tf

from pedigree.backends.devices import check_gpu
from pedigree.errors import UsageError
from pedigree.settings.params import Train
from pedigree.train import stage

MESSAGE = "train.devices is gpu, but no GPU can be used here. `pedigree doctor` says why."
ENGINE = "from pedigree.backends import make_engine; make_engine('gpu')"


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="this machine has a GPU")
def test_training_without_the_required_gpu_writes_nothing(
    train_settings: Train, crops_folder: Path, tmp_path: Path
) -> None:
    settings, out = dataclasses.replace(train_settings, devices="gpu"), tmp_path / "out"
    with pytest.raises(UsageError) as error:
        stage.train(settings, crops_folder, out / "generator.keras", out, out / "logs", out / "scratch")
    assert str(error.value).startswith(MESSAGE)
    assert not out.exists()


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX, the second backend, is not installed")
def test_jax_without_the_required_gpu_refuses_too() -> None:
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", ENGINE], env=environment, capture_output=True, text=True, check=False)
    assert f"UsageError: {MESSAGE}" in done.stderr


def test_with_a_gpu_or_another_choice_nothing_is_refused() -> None:
    check_gpu("gpu", 1)
    for devices in ("auto", "one", "all"):
        check_gpu(devices, 0)
