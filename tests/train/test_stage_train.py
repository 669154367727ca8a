"""The train stage end to end: its outputs, exact repetition, and the end of a run that fails."""

import dataclasses
import errno
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pedigree.errors import PedigreeError
from pedigree.features import extractors
from pedigree.generator.model import load_generator
from pedigree.score.stage import load_crops, score
from pedigree.settings.params import Score
from pedigree.settings.train import Train
from pedigree.train import selection, stage
from pedigree.train.drawing_task import SCORE_TAGS, TAGS
from pedigree.train.gallery import Gallery
from pedigree.train.gan import ConditionalGAN
from pedigree.train.record import Record
from pedigree.train.resume.checkpoints import Checkpoints
from pedigree.train.selection import Selection
from pedigree.train.stage import train
from pedigree.train.tensorboard_log import TensorBoardLog


@pytest.fixture
def scored(train_settings: Train) -> Train:
    """Return settings for twelve steps of the fastest networks, with a score on few images every second step."""
    mlp = {"architecture": "mlp", "conditioning": "concatenation", "augment": [], "r1_weight": 0.0}
    scores = {"score_every": 2, "score_samples": 32, "keep": "kernel_distance"}
    return dataclasses.replace(train_settings, steps=12, sample_every=6, checkpoint_every=5, **mlp, **scores)


@pytest.fixture
def more_crops(crops_folder: Path) -> Path:
    """Return the crops with 24 held-out ones, enough for scores and to detect repeated images."""
    for name in ("images", "labels"):
        file = crops_folder / f"holdout-{name}.npy"
        np.save(file, np.concatenate([np.load(file)] * 6))
    file = crops_folder / "holdout-images.npy"
    chance = np.random.default_rng(1).integers(0, 30, (24, 16, 16, 3), dtype=np.uint8)
    np.save(file, np.load(file) + chance - chance // 2)
    return crops_folder


class Pixels:
    """An extractor whose features are the mean colours of an image's quarters."""

    name, image_size, dimension, fingerprint = "pixels", 16, 12, "one"

    def features(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        quarters = images.reshape(len(images), 2, 8, 2, 8, 3).mean((2, 4))
        return (quarters.reshape(len(images), -1) / 32).astype(np.float32)


@pytest.fixture(autouse=True)
def quick_scores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extractors, "load", lambda name, weights: Pixels())


def run(settings: Train, crops: Path, where: Path) -> None:
    train(settings, crops, where / "generator.keras", where / "reports", where / "logs", where / "scratch")


def log_of(where: Path) -> EventAccumulator:
    (folder,) = (where / "logs").iterdir()
    return EventAccumulator(str(folder)).Reload()


def test_it_writes_model_history_samples_film_facts_and_log(
    train_settings: Train, crops_folder: Path, tmp_path: Path
) -> None:
    run(train_settings, crops_folder, tmp_path)
    assert load_generator(tmp_path / "generator.keras").breeds == ("n90000001-Red", "n90000002-Blue")
    made = sorted(str(path.relative_to(tmp_path / "reports")) for path in (tmp_path / "reports").rglob("*.*"))
    assert made == ["history.csv", "samples/final.png", "samples/progress.png", "training.gif", "training.json"]
    history = pd.read_csv(tmp_path / "reports/history.csv")
    assert list(history.columns) == ["step", *TAGS, *SCORE_TAGS]
    assert history["step"].tolist() == [2, 3, 4, 6]  # samples are drawn every third step
    assert np.isfinite(history[list(TAGS)].to_numpy()).all()
    assert history["holdout_accuracy"].notna().tolist() == [False, True, False, True]
    assert history["kernel_distance"].isna().all()
    with Image.open(tmp_path / "reports/samples/final.png") as final:
        assert np.asarray(final).std() > 1
    with Image.open(tmp_path / "reports/training.gif") as film:
        assert film.n_frames == 2
    facts = json.loads((tmp_path / "reports/training.json").read_text())
    assert facts | {"steps": 6, "kept_step": 6, "stopped_by": None, "precision": "float32"} == facts
    assert facts["kernel_distance"] is None
    assert facts["device"]
    assert facts["images_per_second"] > 0
    assert 0 <= facts["waiting_for_input"] < 1
    assert not (tmp_path / "scratch").exists()

    log = log_of(tmp_path)
    scalars = set(log.Tags()["scalars"])
    assert {*TAGS.values(), "accuracy/holdout", "speed/images_per_second", "speed/waiting_for_input"} <= scalars
    assert {tag.split("/")[0] for tag in scalars} >= {
        f"{kind}_{network}" for kind in ("weights", "gradients") for network in ("generator", "discriminator")
    }
    assert [point.step for point in log.Scalars("loss/generator")] == [2, 3, 4, 6]
    for tag in ("samples", "walk/latent", "walk/breeds"):
        assert [picture.step for picture in log.Images(tag)] == [3, 6], tag
    norms = [point.value for point in log.Scalars("gradient_norm/discriminator")]
    np.testing.assert_allclose(norms, history["discriminator_gradient_norm"], rtol=1e-3)
    assert b"projection-dcgan" in log.summary_metadata["_hparams_/session_start_info"].plugin_data.content


def test_two_runs_write_the_same_bytes_and_scores(scored: Train, more_crops: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(scored, more_crops, tmp_path / name)
    made = ("generator.keras", "reports/history.csv", "reports/training.gif", "reports/samples/final.png")
    for name in made:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_the_saved_generator_is_the_best_one_and_scores_the_same_again(
    scored: Train, more_crops: Path, tmp_path: Path
) -> None:
    run(scored, more_crops, tmp_path)
    history = pd.read_csv(tmp_path / "reports/history.csv").set_index("step")
    distances = history["kernel_distance"].dropna()
    facts = json.loads((tmp_path / "reports/training.json").read_text())
    assert distances.index.tolist() == [2, 4, 6, 8, 10, 12]
    assert facts["kept_step"] == distances.idxmin()
    assert facts["kernel_distance"] == pytest.approx(distances.min(), rel=1e-4)
    crops = load_crops(more_crops)
    again, _ = Selection(load_generator(tmp_path / "generator.keras"), crops, scored).score(0)
    assert again["kernel_distance"] == pytest.approx(distances.min(), rel=1e-3)
    log = log_of(tmp_path)
    for name in ("kernel_distance", "frechet_distance", "different", "variety"):
        assert [point.step for point in log.Scalars(f"score/{name}")] == distances.index.tolist()


@pytest.fixture
def collapsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """From step 7 on, make the averaged generator draw one flat image for any input."""
    update = ConditionalGAN.update_average

    def update_or_flatten(self: ConditionalGAN) -> None:
        update(self)
        alive = self.generator_optimizer.iterations < 7
        for weight in self.average.weights:
            weight.assign(weight * alive)

    monkeypatch.setattr(ConditionalGAN, "update_average", update_or_flatten)


@pytest.mark.usefixtures("collapsing")
def test_a_collapse_is_reported_once_and_training_continues(
    scored: Train, more_crops: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(scored, more_crops, tmp_path)
    warnings = [line for line in capfd.readouterr().err.splitlines() if "The generator" in line]
    assert len(warnings) == 1
    assert "The generator collapses onto few images at step 10: " in warnings[0]
    facts = json.loads((tmp_path / "reports/training.json").read_text())
    assert (facts["steps"], facts["stopped_by"]) == (12, None)
    assert facts["kept_step"] <= 6
    (text,) = log_of(tmp_path).Tensors("trouble")
    assert text.step == 10
    assert text.tensor_proto.string_val[0].decode() in warnings[0]


@pytest.mark.usefixtures("collapsing")
def test_with_on_collapse_stop_a_collapse_stops_the_run_and_the_best_generator_can_be_scored(
    scored: Train, more_crops: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(dataclasses.replace(scored, on_collapse="stop"), more_crops, tmp_path)
    facts = json.loads((tmp_path / "reports/training.json").read_text())
    (warning,) = [line for line in capfd.readouterr().err.splitlines() if "The generator" in line]
    assert warning.endswith(f" Training stops here and keeps the generator of step {facts['kept_step']}.")
    assert facts["stopped_by"] in warning
    assert (facts["steps"], facts["kept_step"] <= 6) == (10, True)
    assert pd.read_csv(tmp_path / "reports/history.csv")["step"].max() == 10
    kept = load_generator(tmp_path / "generator.keras")
    assert len(np.unique(kept.draw(np.zeros(8, np.int32), 0).reshape(8, -1), axis=0)) == 8
    assert not (tmp_path / "scratch").exists()
    page = tmp_path / "reports"
    settings = Score(other_judges=[], samples=40)
    score(settings, tmp_path / "generator.keras", more_crops, page / "history.csv", page, tmp_path / "features")
    assert "Distance to held-out crops" in (page / "scores.html").read_text()


def test_a_run_killed_after_it_stopped_resumes_and_stops_at_the_same_step(
    scored: Train, more_crops: Path, tmp_path: Path, collapsing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = dataclasses.replace(scored, on_collapse="stop")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(selection.Selection, "load_selected", _die)
        run(stopping, more_crops, tmp_path / "killed")
    assert [path.name for path in (tmp_path / "killed/scratch").rglob("step-*")] == ["step-00000005.npz"]
    for name in ("killed", "whole"):
        run(stopping, more_crops, tmp_path / name)
    for name in ("generator.keras", "reports/history.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert json.loads((tmp_path / "killed/reports/training.json").read_text())["steps"] == 10


def _die(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("failing", ["diverges", "disk full", "cannot draw"])
def test_a_run_that_fails_leaves_all_outputs_of_the_previous_run(
    failing: str, train_settings: Train, crops_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(train_settings, crops_folder, tmp_path)
    before, settings = outputs(tmp_path), dataclasses.replace(train_settings, seed=1)
    assert {"generator.keras", "reports/history.csv", "reports/samples/final.png"} <= set(before)
    if failing == "diverges":
        settings = dataclasses.replace(settings, generator_learning_rate=1e30, discriminator_learning_rate=1e30)
    elif failing == "disk full":
        monkeypatch.setattr(stage, "save_generator", _no_space)
    else:
        monkeypatch.setattr(Gallery, "save", _no_space)
    with pytest.raises((PedigreeError, OSError), match=r"diverged: .* at step 2|No space"):
        run(settings, crops_folder, tmp_path)
    assert outputs(tmp_path) == before


def outputs(where: Path) -> dict[str, bytes]:
    """Return the content of all files that are not logs or checkpoints."""
    files = [path for path in where.rglob("*") if path.is_file()]
    made = {str(path.relative_to(where)): path.read_bytes() for path in files}
    return {name: content for name, content in made.items() if not name.startswith(("logs/", "scratch/", "data/"))}


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_run_killed_before_its_first_checkpoint_starts_again_in_the_same_tensorboard_log(
    train_settings: Train, crops_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dataclasses.replace(train_settings, checkpoint_every=100)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoints, "clear", _die)  # as if it were killed: the folder of the run stays
        patch.setattr(Gallery, "save", _die)
        run(settings, crops_folder, tmp_path)
    assert [path.name for path in (tmp_path / "scratch").rglob("step-*")] == []
    run(settings, crops_folder, tmp_path)
    assert [point.step for point in log_of(tmp_path).Scalars("loss/generator")] == [2, 3, 4, 6]


def test_a_resumed_run_shows_each_step_once_in_tensorboard(
    scored: Train, crops_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dataclasses.replace(scored, steps=8, sample_every=3, checkpoint_every=3, score_every=0, keep="last")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        add_scores = Record.add_scores
        patch.setattr(
            Record, "add_scores", lambda self, step, numbers: _die() if step == 6 else add_scores(self, step, numbers)
        )
        run(settings, crops_folder, tmp_path)
    assert [point.step for point in log_of(tmp_path).Scalars("loss/generator")] == [2, 3, 4, 6]
    run(settings, crops_folder, tmp_path)  # from the checkpoint of step 3: 4 and 6 are logged again
    assert [point.step for point in log_of(tmp_path).Scalars("loss/generator")] == [2, 3, 4, 6, 8]


def test_the_log_of_a_resumed_run_replaces_later_steps_of_the_earlier_one(tmp_path: Path) -> None:
    for start, steps in ((0, range(1, 10)), (5, range(6, 8))):
        with TensorBoardLog(tmp_path, start) as log:
            for step in steps:
                log.scalars({"loss": float(start)}, step)
    points = EventAccumulator(str(tmp_path)).Reload().Scalars("loss")
    assert [(point.step, point.value) for point in points] == [*((step, 0.0) for step in range(1, 6)), (6, 5), (7, 5)]


def test_the_error_for_missing_crops_says_what_to_run(train_settings: Train, tmp_path: Path) -> None:
    with pytest.raises(PedigreeError, match="run `pedigree crop`"):
        run(train_settings, tmp_path / "none", tmp_path)


def test_too_few_held_out_crops_are_refused_before_training(scored: Train, crops_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PedigreeError, match=r"train\.score_every needs 6 held-out crops"):
        run(scored, crops_folder, tmp_path)
    assert not (tmp_path / "logs").exists()
