"""A folder like a project's, with a small generator and crops, and a real server of the studio there."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import keras
import numpy as np
import pytest

from pedigree.generator.model import save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BREEDS = ("n00000001-alpha", "n00000002-beta", "n00000003-gamma")
SIZE = 16


def save_small(path: Path, seed: int = 0, architecture: str = "projection-dcgan", size: int = SIZE) -> Path:
    """Write an untrained generator whose breeds differ."""
    keras.utils.set_random_seed(seed)
    shape = Shape(size, 3, 8, len(BREEDS), 4)
    network = ARCHITECTURES[architecture].build_generator(shape, LayerFactory(keras_only=True))
    chance = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Embedding):
            layer.set_weights([chance.normal(0, 1, layer.embeddings.shape)])
    save_generator(network, BREEDS, path)
    return path


def save_crops(folder: Path) -> None:
    """Write 12 training crops and 6 held-out ones."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(0)
    for side, count in (("train", 12), ("holdout", 6)):
        np.save(folder / f"{side}-images.npy", chance.integers(0, 256, (count, SIZE, SIZE, 3), np.uint8))
        np.save(folder / f"{side}-labels.npy", np.arange(count, dtype=np.int32) % len(BREEDS))
    (folder / "breeds.json").write_text(json.dumps(BREEDS))


@dataclass
class Studio:
    """A server process.

    Attributes:
        folder: where it runs.
        address: its address, without a slash at the end.
    """

    folder: Path
    address: str = ""
    _process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> None:
        """Start it, at the same port as before, and wait until it can draw."""
        port = self.address.rpartition(":")[2] or "0"
        command = [sys.executable, "-m", "pedigree", "studio", "--port", port, *arguments]
        self._process = subprocess.Popen(
            command, cwd=self.folder, env=own_code(), stdout=subprocess.PIPE, text=True, process_group=0
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        self.address = found[0]
        assert httpx.get(f"{self.address}/healthz", timeout=120).status_code == 200

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; return its exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        code = self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not stopped."""
        return self._process is not None


def own_code() -> dict[str, str]:
    """Return the environment in which Python takes Pedigree from this checkout."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    (folder / "models").mkdir()
    save_small(folder / "models/generator.keras")
    save_crops(folder / "data/crops")
    server = Studio(folder)
    server.start()
    yield server
    if server.is_running:
        server.stop()


@pytest.fixture
def address(studio: Studio) -> str:
    if not studio.is_running:
        studio.start()
    return studio.address
