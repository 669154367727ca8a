"""JAX, in its own process, gives the values and gradients of TensorFlow."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import training_math

from pedigree.settings.train import Train


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX, the second backend, is not installed")
def test_jax_and_tensorflow_agree_on_values_gradients_and_rates(train_settings: Train, tmp_path: Path) -> None:
    file = tmp_path / "answers.npz"
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, training_math.__file__, str(file)], env=environment, check=True)
    here = training_math.answers(train_settings)
    with np.load(file) as there:
        assert set(there) == set(here)
        for name, answer in here.items():
            scale = max(1.0, float(np.abs(answer).max()))
            np.testing.assert_allclose(there[name], answer, atol=1e-5 * scale, err_msg=name)
            assert np.isfinite(answer).all(), name
