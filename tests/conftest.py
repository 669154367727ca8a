"""What all tests share: quiet libraries, the project's parameters, small crops."""

import dataclasses
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from absl import logging as absl_logging
from ruamel.yaml import YAML

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
os.environ.setdefault("DVC_NO_ANALYTICS", "1")
# For the processes on JAX: what they compile runs a few times, so it is not optimised.
os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"

from pedigree.common import quiet
from pedigree.settings import params, recipes

os.environ.update(quiet.SET)  # as in the program, although many tests import TensorFlow first

# Prefect closes the handlers of other libraries when it is imported, and TensorFlow's would write to pytest's own file.
absl_logging.get_absl_handler().python_handler.stream = sys.__stderr__
signal.signal(signal.SIGINT, signal.default_int_handler)  # CI has it ignored, as shells do by &, and so would children
ROOT = Path(__file__).parents[1]


# Folders whose tests take long, and those to run after all others.
FIRST, LAST = ("train/resume", "backends", "train", "networks"), ("pipeline", "flows")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow folders first, so that all workers end at about the same time, and the flows last.

    Prefect leaves threads behind that draw from Python's global random numbers, which seed Keras's layers.
    """

    def rank(item: pytest.Item) -> int:
        folder = item.path.parent.relative_to(ROOT / "tests").as_posix()
        return FIRST.index(folder) - len(FIRST) if folder in FIRST else 1 + LAST.index(folder) if folder in LAST else 0

    items.sort(key=rank)


def recipe_settings(name: str) -> params.Train:
    """Return the settings of a recipe as `pedigree recipe` writes them."""
    return params.Train(**YAML(typ="safe").load(recipes.text(name))["train"])


@pytest.fixture
def train_settings() -> params.Train:
    """A training so small that it takes a second: 16 px, six steps."""
    return dataclasses.replace(
        params.load(params.Train, ROOT / "params.yaml"),
        steps=6,
        batch_size=4,
        generator_batch_size=4,
        latent_size=8,
        channels=4,
        penalty_interval=2,
        log_every=2,
        sample_every=3,
        score_every=0,
        keep="last",
        checkpoint_every=2,
        precision="float32",
    )


@pytest.fixture
def crops_folder(tmp_path: Path) -> Path:
    """Packed crops of two breeds, one reddish, one bluish: 12 to train on, 4 held out, 16 px."""
    folder = tmp_path / "crops"
    folder.mkdir()
    chance = np.random.default_rng(0)
    for side, count in (("train", 12), ("holdout", 4)):
        labels = np.arange(count, dtype=np.int32) % 2
        images = chance.integers(0, 80, (count, 16, 16, 3), dtype=np.uint8)
        images[labels == 0, :, :, 0] += 150
        images[labels == 1, :, :, 2] += 150
        np.save(folder / f"{side}-images.npy", images)
        np.save(folder / f"{side}-labels.npy", labels)
    (folder / "breeds.json").write_text(json.dumps(["n90000001-Red", "n90000002-Blue"]))
    return folder
