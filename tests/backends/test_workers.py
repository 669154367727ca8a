"""Several processes that train one GAN: as one would, and however one of them ends, none waits for ever.

The processes are real, two on this machine, each with a folder and crops of its own, as two machines would have.
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
from pedigree.backends.workers import named
from pedigree.errors import UsageError
from pedigree.generator.model import load_generator
from pedigree.settings.params import Train
from pedigree.train.stage import train

PATIENCE = 300  # seconds for what takes ten on an idle machine
TOLERANCE = 1e-3  # of weights and rows, in float32: sums are taken in another order, and training amplifies it
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
        generator_learning_rate=1e-4,  # the larger, the faster roundings grow
        discriminator_learning_rate=1e-4,
        penalty_interval=4,
        log_every=5,
        sample_every=40,
        checkpoint_every=5,
    )


@pytest.fixture
def folders(settings: Train, crops_folder: Path, tmp_path: Path) -> list[Path]:
    """A folder for each of two workers, and nothing in it but the same parameters and crops."""
    made = [tmp_path / name for name in ("chief", "other")]
    for folder in made:
        shutil.copytree(crops_folder, folder / "data" / "crops")
        YAML().dump({"train": dataclasses.asdict(settings)}, folder / "params.yaml")
    return made


@contextmanager
def started(folders: list[Path]) -> Iterator[list[Process]]:
    """Start `pedigree train` in each folder, as workers of one cluster; none outlives the block."""
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
    """Wait for a process's end; return its exit code, what it printed, and the line on stderr that is its own."""
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err, err
    (own, *more) = [line for line in err.splitlines() if line.startswith("pedigree train: ")] or [""]
    assert not more, err
    return process.returncode, out, own


def steps_saved(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("step-")) for path in folder.glob("runs/checkpoints/*/step-*.npz"))


def await_step(processes: list[Process], folder: Path, step: int) -> None:
    since = time.monotonic()
    while not any(saved >= step for saved in steps_saved(folder)):
        assert all(process.poll() is None for process in processes), [ended(process) for process in processes]
        assert time.monotonic() - since < PATIENCE
        time.sleep(0.005)


def weights(model: Path) -> list[np.ndarray]:
    return [weight.numpy() for weight in load_generator(model).network.weights]


def outputs(folder: Path) -> dict[str, bytes]:
    files = [folder / "models/generator.keras", folder / "reports/history.csv", *folder.glob("reports/samples/*")]
    return {path.name: path.read_bytes() for path in files}


def test_two_workers_train_as_one_process_does_and_lost_or_asked_to_stop_as_if_they_never_were(
    settings: Train, folders: list[Path], tmp_path: Path
) -> None:
    chief, other = folders
    with started(folders) as processes:
        results = [ended(process) for process in processes]
    assert [code for code, _, _ in results] == [0, 0]
    assert "2 × " in results[0][1]
    assert sorted(path.name for path in other.iterdir()) == ["data", "params.yaml"], "the chief alone writes"
    left_alone = outputs(chief)

    train(settings, chief / "data/crops", *(tmp_path / name for name in ("one/models/generator.keras", "one/reports")))
    histories = [pd.read_csv(folder / "reports/history.csv").to_numpy() for folder in (chief, tmp_path / "one")]
    np.testing.assert_allclose(*histories, rtol=TOLERANCE, atol=TOLERANCE)
    for ours, theirs in zip(*(weights(f / "models/generator.keras") for f in (chief, tmp_path / "one")), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)

    for folder in ("models", "reports", "runs"):
        shutil.rmtree(chief / folder)
    with started(folders) as processes:
        await_step(processes, chief, 5)
        processes[1].send_signal(signal.SIGTERM)
        results = [ended(process) for process in processes]
    (saved, *_) = reversed(steps_saved(chief))
    assert [code for code, _, _ in results] == [143, 143]
    for _, _, line in results:
        assert f"interrupted at step {saved} of {STEPS}" in line

    with started(folders) as processes:
        await_step(processes, chief, saved + 1)
        processes[1].kill()
        code, out, line = ended(processes[0])
    assert f"going on from step {saved}" in out
    again = steps_saved(chief)[-1]
    assert (code, line) == (
        1,
        f"pedigree train: a worker was lost: start all workers again, and training goes on from step {again}.",
    )

    with started(folders) as processes:
        results = [ended(process) for process in processes]
    assert [code for code, _, _ in results] == [0, 0]
    assert f"going on from step {again}" in results[0][1]
    assert outputs(chief) == left_alone
    assert sorted(path.name for path in other.iterdir()) == ["data", "params.yaml"]


def test_workers_with_other_crops_are_told_which_one_and_nobody_trains(folders: list[Path]) -> None:
    labels = folders[1] / "data/crops/train-labels.npy"
    np.save(labels, 1 - np.load(labels))
    with started(folders) as processes:
        results = [ended(process) for process in processes]
    assert [code for code, _, _ in results] == [1, 1]
    for _, _, line in results:
        assert "worker 1 differs from the chief in params.yaml, data/crops" in line


@pytest.mark.parametrize(
    "told",
    [
        "host1:2222",
        "[]",
        '{"cluster": {"worker": ["a:1", "b:1"]}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
        '{"cluster": {"worker": ["a:1", "b:1"], "ps": ["c:1"]}, "task": {"type": "ps", "index": 0}}',
    ],
)
def test_a_tf_config_of_another_kind_is_told_with_an_example(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv("TF_CONFIG", told)
    with pytest.raises(UsageError, match=r"TF_CONFIG must name workers.*\"worker\": \[") as error:
        named()
    assert str(error.value).endswith(told)


def test_on_jax_the_machines_of_tf_config_are_not_left_waiting_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}')
    with pytest.raises(UsageError, match="on TensorFlow alone: set KERAS_BACKEND=tensorflow"):
        make_engine("auto")
