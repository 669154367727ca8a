"""On JAX, training and drawing on the command line never import TensorFlow, even if it is installed."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from PIL import Image
from ruamel.yaml import YAML
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pedigree.generator.model import load_generator
from pedigree.settings.train import Train

PROGRAM = """
import json, sys
imported = []

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            imported.append(name)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from pedigree.cli import main

codes = [main(["train"]), main(["generate", "--breed", "all", "--count", "2"])]
print(json.dumps({"codes": codes, "imported": imported}))
"""


@pytest.fixture
def project(train_settings: Train, crops_folder: Path, tmp_path: Path) -> Path:
    """A project with crops."""
    folder, yaml = tmp_path / "project", YAML()
    shutil.copytree(crops_folder, folder / "data/crops")
    parameters = yaml.load(ROOT / "params.yaml")
    parameters["train"] = dataclasses.asdict(train_settings) | {"architecture": "mlp"}
    yaml.dump(parameters, folder / "params.yaml")
    return folder


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX, the second backend, is not installed")
def test_the_command_line_trains_and_draws_on_jax_without_tensorflow(project: Path) -> None:
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result == {"codes": [0, 0], "imported": []}
    assert "oneDNN" not in done.stderr
    assert np.asarray(Image.open(project / "dogs.png")).std() > 1
    assert load_generator(project / "models/generator.keras").breeds == ("n90000001-Red", "n90000002-Blue")
    history = pd.read_csv(project / "reports/history.csv")
    (log,) = (project / "runs/tensorboard").iterdir()
    points = EventAccumulator(str(log)).Reload().Scalars("loss/generator")
    assert [point.step for point in points] == list(history["step"])
    np.testing.assert_allclose([point.value for point in points], history["generator_loss"], rtol=1e-3)
