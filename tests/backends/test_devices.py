"""Training on two devices of a machine gives the results of one device, and resumes exactly.

Two logical CPU devices take the place of two GPUs.
"""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from ruamel.yaml import YAML
from two_devices import COMPOSITIONS

from pedigree.settings.params import Train

TOLERANCE = 2e-5  # absolute, for all weights and metrics of ten steps in float32: sums are in another order


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("devices")


@pytest.fixture
def answers(folder: Path, train_settings: Train, crops_folder: Path) -> dict[str, Any]:
    """Return the results of a process with two devices, which is started once for all tests."""
    results = folder / "results.json"
    if not results.exists():
        crops_folder.rename(folder / "crops")
        YAML().dump({"train": dataclasses.asdict(train_settings)}, folder / "params.yaml")
        subprocess.run([sys.executable, ROOT / "tests" / "two_devices.py", folder], check=True, timeout=1800)
    answers: dict[str, Any] = json.loads(results.read_text())
    return answers


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_two_devices_train_like_one_on_the_same_batch(answers: dict[str, Any], name: str) -> None:
    compared = answers["compared"][name]
    assert compared["devices"] == [1, 2]
    assert compared["copies that differ"] == []
    assert compared["weights"] < TOLERANCE
    assert {name for name, distance in compared["metrics"].items() if not distance < TOLERANCE} == set()


def test_training_on_two_devices_resumes_bit_for_bit(answers: dict[str, Any]) -> None:
    assert answers["resumed"] == {
        "saved": ["step-00000002.npz", "step-00000004.npz"],
        "made": ["final.png", "generator.keras", "history.csv", "progress.png"],
        "differ": [],
    }


def test_auto_uses_a_single_cpu_device(answers: dict[str, Any]) -> None:
    assert answers["auto"] == 1


def test_a_batch_that_cannot_be_split_equally_is_refused(answers: dict[str, Any]) -> None:
    assert "train.batch_size" in answers["refused"]
    assert "multiples of 2" in answers["refused"]
