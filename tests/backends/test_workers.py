"""Several workers train one GAN with the results of a single process, and none hangs when another one ends.

The tests start two real processes on this machine. Each has its own folder and crops, like a separate machine.
"""

import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from pedigree.backends.jax import make_engine
from pedigree.backends.workers import cluster_addresses
from pedigree.errors import UsageError
from pedigree.generator.model import load_generator
from pedigree.settings.params import Train
from pedigree.train.stage import train

TIMEOUT = 300  # seconds; on an idle machine ten are enough
TOLERANCE = 1e-3  # for weights and rows in float32: sums are in another order, and training amplifies the difference
STEPS = 120

Process = subprocess.Popen[str]


@pytest.fixture
def settings(train_settings: Train) -> Train:
    return dataclasses.replace(
        train_settings,
        architecture="mlp",
        conditioning="concatenation",
        augment=[],
        steps=STEPS,
        generator_learning_rate=1e-4,  # with a larger one, rounding errors grow faster
        discriminator_learning_rate=1e-4,
        penalty_interval=4,
        log_every=5,
        sample_every=40,
        checkpoint_every=5,
    )


@pytest.fixture
def folders(settings: Train, crops_folder: Path, tmp_path: Path) -> list[Path]:
    """Return a folder for each of two workers, with the same parameters and crops."""
    folders = [tmp_path / name for name in ("chief", "other")]
    for folder in folders:
        shutil.copytree(crops_folder, folder / "data" / "crops")
        YAML().dump({"train": dataclasses.asdict(settings)}, folder / "params.yaml")
    return folders


@contextmanager
def started(folders: list[Path]) -> Iterator[list[Process]]:
    """Start `pedigree train` in each folder, as workers of one cluster. All are killed at the end of the block."""
    sockets = [socket.socket() for _ in folders]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    cluster = {"worker": [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]}
    for each in sockets:
        each.close()
    processes = []
    try:
        for index, folder in enumerate(folders):
            config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "pedigree", "train"],
                    cwd=folder,
                    env=os.environ | {"TF_CONFIG": json.dumps(config)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ended(process: Process) -> tuple[int, str, str]:
    """Wait for a process to end. Return its exit code, its output, and its message on stderr."""
    out, err = process.communicate(timeout=TIMEOUT)
    assert "Traceback" not in err, err
    lines = [line for line in err.splitlines() if line.startswith("pedigree train: ")]
    (message, *more) = [line for line in lines if "A second signal" not in line] or [""]
    assert not more, err
    return process.returncode, out, message


def steps_saved(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("step-")) for path in folder.glob("runs/checkpoints/*/step-*.npz"))


def await_step(processes: list[Process], folder: Path, step: int) -> None:
    since = time.monotonic()
    while not any(saved >= step for saved in steps_saved(folder)):
        assert all(process.poll() is None for process in processes), [ended(process) for process in processes]
        assert time.monotonic() - since < TIMEOUT
        time.sleep(0.005)


def weights(model: Path) -> list[np.ndarray]:
    return [weight.numpy() for weight in load_generator(model).network.weights]


def outputs(folder: Path) -> dict[str, bytes]:
    files = [folder / "models/generator.keras", folder / "reports/history.csv", *folder.glob("reports/samples/*")]
    return {path.name: path.read_bytes() for path in files}


def test_two_workers_train_like_one_process_and_resume_exactly_after_a_loss_or_an_interruption(
    settings: Train, folders: list[Path], tmp_path: Path
) -> None:
    chief, other = folders
    with started(folders) as processes:
        results = [ended(process) for process in processes]
    assert [code for code, _, _ in results] == [0, 0]
    assert "2 × " in results[0][1]
    assert sorted(path.name for path in other.iterdir()) == ["data", "params.yaml"], "only the chief writes"
    uninterrupted = outputs(chief)

    train(settings, chief / "data/crops", *(tmp_path / name for name in ("one/models/generator.keras", "one/reports")))
    histories = [pd.read_csv(folder / "reports/history.csv").to_numpy() for folder in (chief, tmp_path / "one")]
    np.testing.assert_allclose(*histories, rtol=TOLERANCE, atol=TOLERANCE)
    for two, one in zip(*(weights(f / "models/generator.keras") for f in (chief, tmp_path / "one")), strict=True):
        np.testing.assert_allclose(two, one, atol=TOLERANCE)

    for folder in ("models", "reports", "runs"):
        shutil.rmtree(chief / folder)
    with started(folders) as processes:
        await_step(processes, chief, 5)
        processes[1].send_signal(signal.SIGTERM)
        results = [ended(process) for process in processes]
    (saved, *_) = reversed(steps_saved(chief))
    assert [code for code, _, _ in results] == [143, 143]
    for _, _, message in results:
        assert f"interrupted at step {saved} of {STEPS}" in message

    with started(folders) as processes:
        await_step(processes, chief, saved + 1)
        processes[1].kill()
        code, out, message = ended(processes[0])
    assert f"resuming from step {saved}" in out
    again = steps_saved(chief)[-1]
    assert (code, message) == (
        1,
        f"pedigree train: a worker was lost: start all workers again to resume from step {again}.",
    )

    with started(folders) as processes:
        results = [ended(process) for process in processes]
    assert [code for code, _, _ in results] == [0, 0]
    assert f"resuming from step {again}" in results[0][1]
    assert outputs(chief) == uninterrupted
    assert sorted(path.name for path in other.iterdir()) == ["data", "params.yaml"]


def test_workers_with_different_crops_stop_with_an_error_that_names_the_worker(folders: list[Path]) -> None:
    labels = folders[1] / "data/crops/train-labels.npy"
    np.save(labels, 1 - np.load(labels))
    with started(folders) as processes:
        results = [ended(process) for process in processes]
    assert [code for code, _, _ in results] == [1, 1]
    for _, _, message in results:
        assert "worker 1 differs from the chief in params.yaml, data/crops" in message


@pytest.mark.parametrize(
    "text",
    [
        "host1:2222",
        "[]",
        '{"cluster": {"worker": ["a:1", "b:1"]}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
        '{"cluster": {"worker": "abc"}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": {"0": "a:1"}}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": [1, 2]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": true}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0.0}}',
        "[" * 100_000,
        '{"cluster": {"worker": ["a:1", "b:1"], "ps": ["c:1"]}, "task": {"type": "ps", "index": 0}}',
    ],
)
def test_the_error_for_an_invalid_tf_config_contains_an_example(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UsageError, match=r"TF_CONFIG must name the workers.*\"worker\": \[") as error:
        cluster_addresses()
    assert str(error.value).endswith(text[:200])


def test_on_jax_a_tf_config_of_several_machines_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}')
    with pytest.raises(UsageError, match=r"Only TensorFlow can train on .* set KERAS_BACKEND=tensorflow"):
        make_engine("auto")
