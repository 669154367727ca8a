"""Several workers train one GAN with the results of a single process, and none hangs when another one ends.

The tests start two real processes on this machine, of TensorFlow or of JAX. Each has its own folder and crops, like a
separate machine.
"""

import dataclasses
import shutil
import signal
import socket
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from worker_processes import await_step, ended, started, steps_saved

from pedigree.backends import jax, tensorflow
from pedigree.backends.workers import cluster_addresses, process_count
from pedigree.errors import UsageError
from pedigree.generator.model import load_generator
from pedigree.settings.params import Train

TOLERANCE = 2e-5  # for weights and rows in float32: sums are in another order, and training amplifies the difference
STEPS = 24
JAX = pytest.mark.skipif(find_spec("jax") is None, reason="JAX, the second backend, is not installed")
# JAX compiles longer than it trains here, so it compiles only in the first start.
COMPILING = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


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
        r1_weight=0.0,  # second derivatives take long to compile
        log_every=2,
        sample_every=STEPS,
        checkpoint_every=2,
    )


@pytest.fixture
def folders(settings: Train, crops_folder: Path, tmp_path: Path) -> list[Path]:
    """Return a folder for each of two workers, with the same parameters and crops."""
    folders = [tmp_path / name for name in ("chief", "other")]
    for folder in folders:
        shutil.copytree(crops_folder, folder / "data" / "crops")
        YAML().dump({"train": dataclasses.asdict(settings)}, folder / "params.yaml")
    return folders


def weights(model: Path) -> list[np.ndarray]:
    return [weight.numpy() for weight in load_generator(model).network.weights]


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=JAX)])
def test_two_workers_train_like_one_process_also_after_an_interruption_and_a_loss(
    folders: list[Path], tmp_path: Path, backend: str
) -> None:
    chief, other = folders
    variables = COMPILING | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled")}
    with started(folders, backend, variables) as processes:
        await_step(processes, chief, 2)
        processes[1].send_signal(signal.SIGTERM)
        results = [ended(process) for process in processes]
    (saved, *_) = reversed(steps_saved(chief))
    assert [code for code, _, _ in results] == [143, 143]
    assert "2 × " in results[0][1]
    for _, _, message in results:
        assert f"interrupted at step {saved} of {STEPS}" in message

    with started(folders, backend, variables) as processes:
        await_step(processes, chief, saved + 1)
        processes[1].kill()
        code, out, message = ended(processes[0])
    assert f"resuming from step {saved}" in out
    again = steps_saved(chief)[-1]
    assert (code, message) == (
        1,
        f"pedigree train: a worker was lost: start all workers again to resume from step {again}.",
    )

    with started(folders, backend, variables) as processes:
        results = [ended(process) for process in processes]
    assert [code for code, _, _ in results] == [0, 0]
    assert f"resuming from step {again}" in results[0][1]
    assert sorted(path.name for path in other.iterdir()) == ["data", "params.yaml"], "only the chief writes"

    alone = tmp_path / "alone"
    shutil.copytree(other, alone)
    with started([alone], backend, variables) as processes:
        assert ended(processes[0])[0] == 0
    histories = [pd.read_csv(folder / "reports/history.csv").to_numpy() for folder in (chief, alone)]
    np.testing.assert_allclose(*histories, rtol=1e-4, atol=TOLERANCE)  # rows have five digits
    for two, one in zip(*(weights(folder / "models/generator.keras") for folder in (chief, alone)), strict=True):
        np.testing.assert_allclose(two, one, atol=TOLERANCE)


@JAX
def test_workers_with_different_crops_stop_with_an_error_that_names_the_worker(folders: list[Path]) -> None:
    labels = folders[1] / "data/crops/train-labels.npy"
    np.save(labels, 1 - np.load(labels))
    with started(folders, "jax", COMPILING) as processes:
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


@JAX
def test_on_jax_a_tf_config_of_several_machines_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}')
    with pytest.raises(UsageError, match=r"Only TensorFlow can train on .* set KERAS_BACKEND=tensorflow"):
        jax.make_engine("auto")


def test_on_tensorflow_processes_of_jax_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
    with pytest.raises(UsageError, match=r"Only JAX can train .* set KERAS_BACKEND=jax"):
        tensorflow.make_engine("auto")


@JAX
@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"JAX_COORDINATOR_ADDRESS": "a:1"}, "JAX_NUM_PROCESSES must be set too"),
        ({"JAX_PROCESS_ID": "0"}, "JAX_NUM_PROCESSES must be set too"),
        ({"JAX_NUM_PROCESSES": "two"}, "JAX_NUM_PROCESSES must be a number from 1 to .* Received: two"),
        ({"JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "2"}, "JAX_PROCESS_ID must be a number from 0 to 1"),
        ({"JAX_NUM_PROCESSES": "2", "JAX_COORDINATOR_ADDRESS": "host"}, "JAX_COORDINATOR_ADDRESS must be host:port"),
        ({"SLURM_STEP_NUM_TASKS": "2"}, "cannot find the 2 processes .*: set JAX_COORDINATOR_ADDRESS, JAX_NUM_PRO"),
    ],
)
def test_the_error_for_processes_that_are_not_described_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=message):
        jax.make_engine("auto")


@JAX
def test_a_port_of_the_chief_that_is_in_use_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        for name, value in (("COORDINATOR_ADDRESS", f"127.0.0.1:{port}"), ("NUM_PROCESSES", "2"), ("PROCESS_ID", "0")):
            monkeypatch.setenv(f"JAX_{name}", value)
        with pytest.raises(UsageError, match=f"cannot use port {port} of JAX_COORDINATOR_ADDRESS"):
            jax.make_engine("auto")


@pytest.mark.parametrize(
    ("variables", "count"),
    [({}, 1), ({"JAX_NUM_PROCESSES": "1"}, 1), ({"SLURM_NTASKS": "4"}, 1), ({"SLURM_STEP_NUM_TASKS": "4"}, 4)],
)
def test_only_processes_that_were_started_together_count(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], count: int
) -> None:
    """A script of sbatch has SLURM_NTASKS too; only srun starts several processes."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert process_count() == count
