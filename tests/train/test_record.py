"""The record of a run: rows, TensorBoard scalars and speed; and when a run is stopped because it cannot recover."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pedigree.errors import PedigreeError
from pedigree.train.drawing_task import FEATURE_TAGS, SCORE_TAGS, TAGS, columns
from pedigree.train.failures import FAILURE_ROWS, FailureDetector
from pedigree.train.record import Record
from pedigree.train.tensorboard_log import TensorBoardLog

HEALTHY = {"discriminator_loss": 1.0, "generator_loss": 1.0, "logit_gap": 0.5}


def metrics(first, count):
    """Return metrics of `count` steps, in which every value is the number of the step, from 1, divided by 10."""
    numbers = np.arange(first + 1, first + 1 + count, dtype=np.float32)
    return dict.fromkeys((*TAGS, *FEATURE_TAGS, "logit_gap"), numbers / 10)


def record_of(train, log, start=0):
    """Return the record of a GAN."""
    return Record(columns(train), train.steps, train.log_every, log, start)


def detector_of(train):
    """Return the detector of failures of a GAN."""
    return FailureDetector(columns(train).advice)


def fill(record, calls, first=0):
    for count in calls:
        record.add(first, metrics(first, count), seconds=1.0, waited=0.0)
        first += count


@pytest.fixture
def settings(train_settings):
    return dataclasses.replace(
        train_settings, steps=12, log_every=4, batch_size=8, generator_batch_size=8, discriminator_steps=2
    )


@pytest.fixture
def log(tmp_path):
    with TensorBoardLog(tmp_path / "log") as log:
        yield log


@pytest.mark.parametrize("calls", [[12], [4, 4, 4], [1] * 12, [3, 5, 4]])
def test_rows_are_means_over_their_steps_for_any_split_into_calls(settings, log, tmp_path, calls):
    record = record_of(settings, log)
    fill(record, calls)
    record.write(tmp_path / "history.csv")
    history = pd.read_csv(tmp_path / "history.csv")
    assert list(history.columns) == ["step", *TAGS, *SCORE_TAGS]
    assert history["step"].tolist() == [4, 8, 12]
    for name in TAGS:
        assert history[name].tolist() == pytest.approx([0.25, 0.65, 1.05]), name
    assert history[list(SCORE_TAGS)].isna().all(axis=None)


def test_runs_with_pretrained_features_have_columns_for_them(settings, log, tmp_path):
    record = record_of(dataclasses.replace(settings, features_weight=1.0), log)
    fill(record, [4])
    record.write(tmp_path / "history.csv")
    history = pd.read_csv(tmp_path / "history.csv")
    assert list(history.columns) == ["step", *TAGS, *FEATURE_TAGS, *SCORE_TAGS]
    assert history[list(FEATURE_TAGS)].loc[0].tolist() == pytest.approx([0.25] * 4)


def test_adding_scores_closes_the_row_and_only_that_row_has_them(settings, log, tmp_path):
    record = record_of(settings, log)
    fill(record, [6])
    record.add_scores(6, {"kernel_distance": 0.25})
    record.add_scores(6, {"holdout_accuracy": 0.5})
    fill(record, [6], first=6)
    record.write(tmp_path / "history.csv")
    history = pd.read_csv(tmp_path / "history.csv").set_index("step")
    assert history["generator_loss"].to_dict() == pytest.approx({4: 0.25, 6: 0.55, 8: 0.75, 12: 1.05})
    assert history["kernel_distance"].dropna().to_dict() == {6: 0.25}
    assert history["holdout_accuracy"].dropna().to_dict() == {6: 0.5}
    points = EventAccumulator(str(tmp_path / "log")).Reload()
    assert [(point.step, point.value) for point in points.Scalars("score/kernel_distance")] == [(6, 0.25)]
    assert [point.step for point in points.Scalars("loss/generator")] == [4, 6, 8, 12]


@pytest.mark.parametrize("at", [0, 3, 4, 6, 12])
def test_restored_from_its_state_it_writes_the_same_file_and_the_bar_starts_there(settings, log, tmp_path, at):
    whole, before = record_of(settings, log), record_of(settings, log)
    fill(whole, [12])
    fill(before, [at] if at else [])
    after = record_of(settings, log, at)
    after.restore(before.state())
    assert (after.bar.n, after.bar.initial) == (at, at)
    fill(after, [12 - at] if at < 12 else [], first=at)
    assert after.bar.n == 12
    for name, record in (("whole", whole), ("resumed", after)):
        record.write(tmp_path / name)
    before.bar.close()
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "resumed").read_bytes()


def test_an_open_row_of_a_restored_state_can_be_closed_without_a_step(settings, log):
    before, after = record_of(settings, log), record_of(settings, log, 6)
    fill(before, [6])
    after.restore(before.state())
    after.close_row(6)
    assert [row["step"] for row in after.rows] == [4, 6]
    assert after.speed() == {}
    for record in (before, after):
        record.bar.close()


@pytest.mark.parametrize(
    ("calls", "images", "waiting"),
    [
        ([(2, 10.0, 8.0), (10, 1.0, 0.1), (30, 3.0, 0.1)], 160.0, 0.05),  # 40 steps of 2 × 8 images in 4 s
        ([(2, 10.0, 8.0)], 3.2, 0.8),
    ],
    ids=["the first call, which compiles, is not counted", "unless it is the only one"],
)
def test_speed_weights_each_call_by_its_length(settings, log, calls, images, waiting):
    record = record_of(dataclasses.replace(settings, log_every=100), log)
    for count, seconds, waited in calls:
        record.add(0, metrics(0, count), seconds, waited)
    record.bar.close()
    assert record.speed() == {"images_per_second": images, "waiting_for_input": waiting}


def test_a_metric_that_is_not_finite_stops_the_run_and_its_row_is_written(settings, log, tmp_path):
    record = record_of(settings, log)
    diverged = metrics(0, 4) | {"generator_loss": np.array([1, np.inf, 1, 1], np.float32)}
    with pytest.raises(PedigreeError, match=r"^Training diverged: generator_loss is inf at step 4\. Lower "):
        record.add(0, diverged, 1.0, 0.0)
    record.write(tmp_path / "history.csv")
    assert pd.read_csv(tmp_path / "history.csv")["generator_loss"].tolist() == [np.inf]


FAILING = {
    "dead": {"logit_gap": 0.0},
    "has won": {"discriminator_loss": 1e-6},
    "diverges": {"discriminator_loss": 50.0},
}


@pytest.mark.parametrize(("message", "failing"), FAILING.items())
def test_a_failure_stops_the_run_after_the_given_number_of_consecutive_rows(settings, message, failing):
    detector = detector_of(settings)
    for row in range(FAILURE_ROWS - 1):
        detector.check(row, HEALTHY | failing)
    detector.check(FAILURE_ROWS, HEALTHY)  # one healthy row resets the count
    for row in range(FAILURE_ROWS - 1):
        detector.check(row, HEALTHY | failing)
    with pytest.raises(PedigreeError, match=message):
        detector.check(99, HEALTHY | failing)


def test_a_loss_without_a_lower_bound_is_not_checked_by_its_value(settings):
    detector = detector_of(dataclasses.replace(settings, loss="wasserstein"))
    for loss in (-80.0, 0.0, 80.0):
        for row in range(FAILURE_ROWS):
            detector.check(row, HEALTHY | {"discriminator_loss": loss})
    with pytest.raises(PedigreeError, match="dead"):
        for row in range(FAILURE_ROWS):
            detector.check(row, HEALTHY | {"logit_gap": 0.0})


def test_losses_print_no_line_of_their_own_and_the_compiling_call_is_not_in_the_rate(settings, log, capsys):
    capsys.readouterr()
    record = record_of(dataclasses.replace(settings, steps=400, log_every=1), log)
    record.bar.start_t -= 60  # the first call takes a minute
    record.bar.last_print_t -= 60
    for step in range(200):
        record.add(step, {name: np.ones(1) for name in metrics(0, 1)}, seconds=0.1, waited=0.0)
    record.bar.close()
    lines = [line for line in capsys.readouterr().err.replace("\r", "\n").splitlines() if line.strip()]
    assert len(lines) == 3  # at the start, after the first call, at the end
    assert float(lines[-1].split("<")[1].split(",")[1].strip().removesuffix("step/s")) > 100
