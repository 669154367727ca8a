"""The train stage end to end, small: what it writes, that it repeats itself, what it does when training fails."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pedigree import generator
from pedigree.errors import PedigreeError
from pedigree.monitors import SICK_ROWS, TAGS, Health
from pedigree.params import Train
from pedigree.training import train

HEALTHY = {"discriminator_loss": 1.0, "generator_loss": 1.0, "logit_gap": 0.5}


def run(settings: Train, crops: Path, where: Path) -> None:
    train(settings, crops, where / "generator.keras", where / "reports", where / "logs")


def test_it_writes_model_history_samples_facts_and_log(
    train_settings: Train, crops_folder: Path, tmp_path: Path
) -> None:
    run(train_settings, crops_folder, tmp_path)
    assert generator.load(tmp_path / "generator.keras").breeds == ("n90000001-Red", "n90000002-Blue")
    history = pd.read_csv(tmp_path / "reports/history.csv")
    assert list(history.columns) == ["step", *TAGS]
    assert list(history["step"]) == [2, 4, 6]
    assert np.isfinite(history.to_numpy()).all()
    assert sorted(path.name for path in (tmp_path / "reports/samples").iterdir()) == ["final.png", "progress.png"]
    assert np.asarray(Image.open(tmp_path / "reports/samples/final.png")).std() > 1
    facts = json.loads((tmp_path / "reports/training.json").read_text())
    assert facts["steps"] == 6
    assert facts["precision"] == "float32"
    assert facts["device"]
    assert facts["images_per_second"] > 0


def test_tensorboard_reads_losses_logits_norms_speed_pictures_and_hyperparameters(
    train_settings: Train, crops_folder: Path, tmp_path: Path
) -> None:
    run(train_settings, crops_folder, tmp_path)
    (folder,) = (tmp_path / "logs").iterdir()
    log = EventAccumulator(str(folder)).Reload()
    assert set(log.Tags()["scalars"]) == {*TAGS.values(), "speed/images_per_second"}
    assert [point.step for point in log.Scalars("loss/generator")] == [2, 4, 6]
    assert [picture.step for picture in log.Images("samples")] == [3, 6]
    history = pd.read_csv(tmp_path / "reports/history.csv")
    told = [point.value for point in log.Scalars("gradient_norm/discriminator")]
    np.testing.assert_allclose(told, history["discriminator_gradient_norm"], rtol=1e-3)
    hyperparameters = log.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"projection-dcgan" in hyperparameters


def test_two_runs_write_the_same_bytes(train_settings: Train, crops_folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(train_settings, crops_folder, tmp_path / name)
    for name in ("generator.keras", "reports/history.csv", "reports/samples/final.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_divergence_is_told_and_the_model_there_was_is_kept(
    train_settings: Train, crops_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "generator.keras").write_text("the one before")
    wild = dataclasses.replace(train_settings, generator_learning_rate=1e30, discriminator_learning_rate=1e30)
    with pytest.raises(PedigreeError, match=r"diverged: .* at step 2"):
        run(wild, crops_folder, tmp_path)
    assert (tmp_path / "generator.keras").read_text() == "the one before"
    assert (tmp_path / "reports/history.csv").is_file()


@pytest.mark.parametrize(
    ("sick", "told"),
    [
        ({"logit_gap": 0.0}, "dead"),
        ({"discriminator_loss": 1e-6}, "has won"),
        ({"discriminator_loss": 50.0}, "diverges"),
    ],
)
def test_a_sick_run_is_told_once_it_is_sure(sick: dict[str, float], told: str) -> None:
    health = Health()
    for row in range(SICK_ROWS - 1):
        health.examine(row, HEALTHY | sick)
    health.examine(SICK_ROWS, HEALTHY)  # one healthy row and the count begins anew
    for row in range(SICK_ROWS - 1):
        health.examine(row, HEALTHY | sick)
    with pytest.raises(PedigreeError, match=told):
        health.examine(99, HEALTHY | sick)


def test_without_crops_the_answer_says_what_to_run(train_settings: Train, tmp_path: Path) -> None:
    with pytest.raises(PedigreeError, match="run `pedigree crop`"):
        run(train_settings, tmp_path / "none", tmp_path)
