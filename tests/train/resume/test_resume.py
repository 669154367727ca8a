"""Exact resume, end to end: an interrupted run ends with the same bytes as an uninterrupted one.

Few tests start processes, because importing Keras takes seconds. Most kills are uncaught exceptions, raised at a chosen
step of a training run in this process.
"""

import contextlib
import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pytest
import tensorflow as tf
from conftest import ROOT
from ruamel.yaml import YAML

from pedigree.errors import PedigreeError
from pedigree.settings import params
from pedigree.settings.train import Train
from pedigree.train.record import Record
from pedigree.train.resume import checkpoints
from pedigree.train.resume.checkpoints import Checkpoint
from pedigree.train.stage import train

SMALL = {
    "architecture": "mlp",
    "steps": 24,
    "batch_size": 4,
    "generator_batch_size": 4,
    "latent_size": 8,
    "channels": 4,
    "conditioning": "concatenation",
    "augment": [],
    "r1_weight": 0.0,
    "precision": "float32",
    "log_every": 4,
    "sample_every": 9,
    "score_every": 0,
    "keep": "last",
    "checkpoint_every": 5,
}
# Together they have every kind of state: dropout's seed; the means of batch norm, the interval of lazy penalties, the
# vectors of spectral norm, the augmentation strength, the ramp, the schedule.
STATEFUL = {
    "dropout": {"architecture": "seed-cgan", "generator_batch_size": 8},
    "everything": {
        "architecture": "projection-dcgan",
        "discriminator_steps": 2,
        "spectral_norm": "both",
        "conditioning": "classifier",
        "classifier_weight": 1.0,
        "condition_ramp": [20, 120],
        "augment": ["flip", "color", "translation", "cutout"],
        "augment_target": 0.0,
        "augment_speed": 200,
        "learning_rate_schedule": "cosine",
        "learning_rate_warmup": 7,
        "real_flips": 0.1,
        "r1_weight": 0.5,
        "penalty_interval": 3,
    },
}


# These take so long to compile that their few steps are run eagerly.
FEW_STEPS = {
    "heads on pretrained features": {
        "features_weight": 1.0,
        "features_input": 32,
        "breed_embeddings": "pretrained",
        "condition_ramp": [8, 40],
    },
    "levels drawn on photos": {"architecture": "lapgan", "augment": ["flip", "translation"]},
    "kernels of the breed": {"architecture": "cogan", "conditioning": "none", "condition_ramp": [8, 40]},
}


class Killed(BaseException):
    """Ends a training run in this process as SIGKILL would: nothing is saved."""


@dataclasses.dataclass(frozen=True)
class Project:
    """A folder to train in."""

    folder: Path
    crops: Path

    @property
    def run(self) -> Path:
        """The folder of the only run's checkpoints."""
        (run,) = (self.folder / "runs" / "checkpoints").iterdir()
        return run

    def train(self, settings: Train) -> dict[str, bytes]:
        """Train, and return all output files except those that contain times."""
        here = self.folder
        reports, runs = here / "reports", here / "runs"
        train(settings, self.crops, here / "generator.keras", reports, runs / "tensorboard", runs / "checkpoints")
        return outputs(here)

    def killed(self, settings: Train, step: int) -> None:
        """Train until `step` steps are done and recorded."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Record, "add", killing(Record.add, step))
            with pytest.raises(Killed):
                self.train(settings)

    def killed_while_saving(self, settings: Train, step: int) -> None:
        """Train until half of the checkpoint of `step` is written, and leave the half file, as SIGKILL would."""
        write, run = checkpoints._write, []

        def half(file: IO[bytes], checkpoint: Checkpoint) -> None:
            write(file, checkpoint)
            if checkpoint.step == step:
                file.truncate(file.tell() // 2)
                run.append(self.run)
                raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(checkpoints, "_write", half)
            with pytest.raises(Killed):
                self.train(settings)
        (run[0] / ".pedigree-left/new").mkdir(parents=True)
        (run[0] / ".pedigree-left/lock").touch()
        (run[0] / f".pedigree-left/new/step-{step:08d}.npz").write_bytes(b"PK")


def killing(add: Callable[..., None], step: int) -> Callable[..., None]:
    def add_and_die(self: Record, first: int, metrics: dict[str, Any], *others: float) -> None:
        add(self, first, metrics, *others)
        if first + len(metrics["logit_gap"]) >= step:
            raise Killed

    return add_and_die


def outputs(folder: Path) -> dict[str, bytes]:
    made = [*folder.rglob("generator.keras"), *folder.glob("reports/history.csv"), *folder.glob("reports/samples/*")]
    return {path.name: path.read_bytes() for path in made}


def settings_of(**others: Any) -> Train:
    return dataclasses.replace(params.load(Train, ROOT / "params.yaml"), **SMALL | others)


@pytest.fixture
def project(tmp_path: Path, crops_folder: Path) -> Project:
    return Project(tmp_path / "project", crops_folder)


@pytest.fixture(scope="module")
def cached_outputs() -> dict[str, dict[str, bytes]]:
    return {}


@pytest.fixture
def uninterrupted(
    tmp_path: Path, crops_folder: Path, cached_outputs: dict[str, dict[str, bytes]]
) -> Callable[[Train], dict[str, bytes]]:
    """Return a function that trains elsewhere and returns the outputs. The same settings are trained only once."""

    def train_once(settings: Train) -> dict[str, bytes]:
        if str(settings) not in cached_outputs:
            cached_outputs[str(settings)] = Project(tmp_path / "uninterrupted", crops_folder).train(settings)
        return cached_outputs[str(settings)]

    return train_once


@pytest.mark.parametrize("others", STATEFUL.values(), ids=STATEFUL)
def test_everything_with_a_state_resumes_from_it(project, uninterrupted, others: dict[str, Any]) -> None:
    settings = settings_of(**others)
    project.killed(settings, 13)  # within a row of the history, after a sample, three steps after the checkpoint
    made = project.train(settings)
    assert made == uninterrupted(settings)
    assert set(made) == {"generator.keras", "history.csv", "final.png", "progress.png"}


@pytest.mark.parametrize("others", FEW_STEPS.values(), ids=FEW_STEPS)
def test_networks_that_take_long_to_compile_resume_from_their_state(
    project, uninterrupted, others: dict[str, Any]
) -> None:
    settings = settings_of(steps=6, checkpoint_every=3, log_every=2, sample_every=6, **others)
    tf.config.run_functions_eagerly(True)
    try:
        project.killed(settings, 5)
        assert steps_saved(project.folder) == [3]
        assert project.train(settings) == uninterrupted(settings)
    finally:
        tf.config.run_functions_eagerly(False)


def test_killed_several_times_it_has_the_same_outputs_and_leaves_no_checkpoints(project, uninterrupted) -> None:
    project.killed(settings_of(), 3)
    assert steps_saved(project.folder) == []
    project.killed_while_saving(settings_of(), 10)
    assert steps_saved(project.folder) == [5]
    project.killed(settings_of(), 19)
    assert steps_saved(project.folder) == [10, 15]
    assert project.train(settings_of()) == uninterrupted(settings_of())
    assert not (project.folder / "runs" / "checkpoints").exists()


def test_a_damaged_checkpoint_is_reported_and_the_previous_one_used(project, uninterrupted, capfd) -> None:
    project.killed(settings_of(), 17)
    newest = project.run / "step-00000015.npz"
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    made = project.train(settings_of())
    output = capfd.readouterr()
    assert f"{newest} is cut or damaged: removed, resuming from step 10." in output.err
    assert "resuming from step 10" in output.out
    assert made == uninterrupted(settings_of())


def test_a_changed_parameter_starts_a_new_run_and_changing_it_back_resumes_the_old_one(
    project, uninterrupted, capfd
) -> None:
    project.killed(settings_of(), 12)
    assert project.train(settings_of(seed=1)) != uninterrupted(settings_of())
    assert "resuming" not in capfd.readouterr().out
    assert project.train(settings_of(checkpoint_every=7)) == uninterrupted(settings_of())
    assert "resuming from step 10" in capfd.readouterr().out


def test_a_run_interrupted_in_its_last_call_can_be_resumed(project, uninterrupted, monkeypatch) -> None:
    add = Record.add

    def interrupted(self: Record, first: int, metrics: dict[str, Any], *others: float) -> None:
        add(self, first, metrics, *others)
        if first + len(metrics["logit_gap"]) == settings_of().steps:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Record, "add", interrupted)
    with contextlib.suppress(SystemExit):  # training is finished except for writing files, so it may also end normally
        project.train(settings_of())
    monkeypatch.setattr(Record, "add", add)
    assert project.train(settings_of()) == uninterrupted(settings_of())


def test_a_second_process_of_the_same_run_is_refused_and_the_first_is_not_affected(
    project, uninterrupted, monkeypatch
) -> None:
    add, refused = Record.add, []

    def add_beside_another(self: Record, first: int, *others: Any) -> None:
        add(self, first, *others)
        if not refused:
            with pytest.raises(PedigreeError, match="the same training is already running") as error:
                project.train(settings_of())
            refused.append(error)

    monkeypatch.setattr(Record, "add", add_beside_another)
    assert project.train(settings_of()) == uninterrupted(settings_of())
    assert refused


def test_a_warm_start_from_a_finished_run_has_the_outputs_of_the_longer_run(project, capfd) -> None:
    project.train(settings_of(steps=10, warm_start=True))
    longer = project.train(settings_of(steps=17))
    assert "resuming" not in capfd.readouterr().out, "warm_start is off"
    settings = settings_of(steps=17, warm_start=True)
    project.killed(settings, 16)
    assert "resuming from step 10" in capfd.readouterr().out
    assert project.train(settings) == longer
    assert "resuming from step 15" in capfd.readouterr().out


def test_a_warm_start_from_a_finished_run_of_the_same_length_has_the_same_outputs(project) -> None:
    settings = settings_of(steps=10, warm_start=True)
    assert project.train(settings) == project.train(settings)


LONGER = {"steps": 300, "channels": 32, "checkpoint_every": 10, "log_every": 10, "sample_every": 100}


def started(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "pedigree", "train"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def steps_saved(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("step-")) for path in folder.glob("runs/checkpoints/*/step-*.npz"))


def await_step(process: "subprocess.Popen[str]", folder: Path, step: int) -> None:
    while not any(saved >= step for saved in steps_saved(folder)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def test_a_process_killed_twice_and_interrupted_once_has_the_outputs_of_an_uninterrupted_one(
    project, uninterrupted
) -> None:
    folder, settings = project.folder, settings_of(**LONGER)
    expected = uninterrupted(settings)
    (folder / "data").mkdir(parents=True)
    project.crops.rename(folder / "data" / "crops")
    YAML().dump({"train": dataclasses.asdict(settings)}, folder / "params.yaml")
    for step in (10, 70):
        with started(folder) as process:
            await_step(process, folder, step)
            process.kill()
        assert process.returncode == -signal.SIGKILL
    with started(folder) as process:
        await_step(process, folder, steps_saved(folder)[-1] + 1)
        before = steps_saved(folder)[-1]
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    saved = steps_saved(folder)[-1]
    assert saved - before <= 50, "it does not stop soon"
    message = f"pedigree train: interrupted at step {saved} of 300: run `dvc repro`"
    assert any(line.startswith(message) for line in err.splitlines())
    assert "Traceback" not in err
    with started(folder) as process:
        out, _ = process.communicate()
    assert (process.returncode, f"resuming from step {saved}" in out) == (0, True)
    assert outputs(folder) == expected
    assert list(pd.read_csv(folder / "reports/history.csv")["step"]) == list(range(10, 301, 10))
    assert not (folder / "runs" / "checkpoints").exists()
