"""Two devices of one machine: what they train is what one trains, and goes on from where it was.

Two logical devices of the processor stand for two GPUs.
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

TOLERANCE = 2e-5  # absolute, of all weights and all that ten steps tell, in float32: sums are taken in another order


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("devices")


@pytest.fixture
def answers(folder: Path, train_settings: Train, crops_folder: Path) -> dict[str, Any]:
    """What a process found out that has two devices; all tests ask the same one."""
    found = folder / "found.json"
    if not found.exists():
        crops_folder.rename(folder / "crops")
        YAML().dump({"train": dataclasses.asdict(train_settings)}, folder / "params.yaml")
        subprocess.run([sys.executable, ROOT / "tests" / "two_devices.py", folder], check=True, timeout=900)
    told: dict[str, Any] = json.loads(found.read_text())
    return told


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_two_devices_learn_what_one_learns_from_the_same_batch(answers: dict[str, Any], name: str) -> None:
    compared = answers["compared"][name]
    assert compared["devices"] == [1, 2]
    assert compared["copies that differ"] == []
    assert compared["weights"] < TOLERANCE
    assert {fact for fact, distance in compared["told"].items() if not distance < TOLERANCE} == set()


def test_a_checkpoint_of_two_devices_is_gone_on_from_bit_for_bit(answers: dict[str, Any]) -> None:
    assert answers["resumed"] == {
        "saved": ["step-00000002.npz", "step-00000004.npz"],
        "made": ["final.png", "generator.keras", "history.csv", "progress.png"],
        "differ": [],
    }


def test_processors_are_not_spread_over_unless_asked_for(answers: dict[str, Any]) -> None:
    assert answers["auto"] == 1


def test_a_batch_that_has_no_equal_parts_is_told(answers: dict[str, Any]) -> None:
    assert "train.batch_size" in answers["refused"]
    assert "multiples of 2" in answers["refused"]
