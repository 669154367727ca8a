"""What Keras computes does not depend on a person's keras.json or environment, but for KERAS_BACKEND."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

SCRIPT = """
from pedigree.common.quiet import import_keras
import_keras()
import keras, json
layer = keras.layers.Conv2D(4, 3)
layer.build((None, 8, 8, 3))
print(json.dumps([keras.config.backend(), keras.config.floatx(), keras.config.epsilon(), layer.data_format,
                  str(layer.kernel.dtype), list(layer.kernel.shape), keras.config.max_epochs()]))
"""
PLAIN = ["tensorflow", "float32", 1e-7, "channels_last", "float32", [3, 3, 3, 4], None]


def run(folder: Path, config: str | None = None, script: str = SCRIPT, **variables: str) -> tuple[int, str, str]:
    """Run a script with a keras.json; return its exit code, output and messages."""
    if config is not None:
        (folder / "keras.json").write_text(config)
    names = [name for name in os.environ if not name.startswith("KERAS_")]
    environment = {name: os.environ[name] for name in names}
    environment |= {"KERAS_HOME": str(folder), "PYTHONPATH": str(ROOT / "src")} | variables
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        (
            {"floatx": "float16", "epsilon": 0.1, "backend": "torch", "image_data_format": "channels_first"},
            {"KERAS_MAX_EPOCHS": "1", "KERAS_NNX_ENABLED": "true", "KERAS_BACKEND": ""},
        )
    ],
)
def test_a_home_with_other_settings_changes_nothing(
    config: dict[str, Any], variables: dict[str, str], tmp_path: Path
) -> None:
    code, out, error = run(tmp_path, json.dumps(config), **variables)
    assert code == 0, error
    assert json.loads(out) == PLAIN


def test_tensorflow_uses_onednn_whatever_the_environment_and_the_processor_prefer(tmp_path: Path) -> None:
    script = (
        "from pedigree.common import quiet; quiet.import_keras()\n"
        "from tensorflow.python.util import _pywrap_util_port\n"
        "print(_pywrap_util_port.IsMklEnabled())"
    )
    assert run(tmp_path, script=script, TF_ENABLE_ONEDNN_OPTS="0")[1] == "True\n"


def test_the_backend_of_the_environment_is_kept(tmp_path: Path) -> None:
    code, out, error = run(tmp_path, json.dumps({"backend": "tensorflow"}), KERAS_BACKEND="jax", JAX_ENABLE_X64="true")
    assert code == 0, error
    assert json.loads(out) == ["jax", *PLAIN[1:]]


@pytest.mark.parametrize(
    ("config", "variables"), [('{"floatx": "int8"}', {}), ('{"floatx": []}', {}), (None, {"KERAS_BACKEND": "abc"})]
)
def test_settings_that_keras_refuses_are_one_line(
    config: str | None, variables: dict[str, str], tmp_path: Path
) -> None:
    script = (
        "import sys\nfrom pedigree.common.guard import guarded\nfrom pedigree.common.quiet import import_keras\n"
        "sys.exit(guarded(lambda: import_keras() or 0, 'pedigree train'))"
    )
    code, _, error = run(tmp_path, config, script, **variables)
    assert (code, error.count("\n")) == (1, 1), error
    assert error.startswith("pedigree train: Keras cannot be imported")
    assert "keras.json, and set KERAS_BACKEND to tensorflow or jax" in error


LEFT_OUT = """
import sys
from pedigree.common.quiet import import_keras
import_keras()
packages = ("jax", "pandas", "sklearn")
print([name for name in packages if name in sys.modules])
import jax, pandas, sklearn
print(jax.numpy.ones(2).sum(), len(pandas.DataFrame({"a": [1]})), sklearn.__name__)
"""


@pytest.mark.parametrize(("backend", "imported"), [("tensorflow", []), ("jax", ["jax"])])
def test_packages_that_keras_does_not_need_are_not_imported_and_can_be_later(
    backend: str, imported: list[str], tmp_path: Path
) -> None:
    code, out, error = run(tmp_path, script=LEFT_OUT, KERAS_BACKEND=backend)
    assert code == 0, error
    assert out.splitlines() == [str(imported), "2.0 1 sklearn"]
