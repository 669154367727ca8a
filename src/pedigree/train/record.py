"""The record of a run: rows of history.csv, scalars in TensorBoard, and the progress bar."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from pedigree.common.files import replacing_file
from pedigree.common.progress import progress_bar, restart
from pedigree.train.failures import Advice, FailureDetector
from pedigree.train.tensorboard_log import TensorBoardLog


@dataclass(frozen=True)
class Columns:
    """What is recorded of a task.

    Attributes:
        label: the name of what is trained, for the progress bar.
        metrics: the columns that every row has, each with its tag in TensorBoard. `discriminator_loss` and
            `generator_loss` are among them. The metrics of a step also have `logit_gap`, for the detector of failures.
        scores: the columns that are only filled in at the steps at which the networks are inspected or scored.
        pictures: the number of real pictures in a step.
        advice: what to do about a failure.
    """

    label: str
    metrics: Mapping[str, str]
    scores: Mapping[str, str]
    pictures: int
    advice: Advice


class Record:
    """Averages metrics over some steps and records them.

    Args:
        columns: what is recorded.
        steps: the length of the run.
        log_every: the number of steps per row.
        log: the TensorBoard log.
        start: the step from which the run resumes.
    """

    def __init__(self, columns: Columns, steps: int, log_every: int, log: TensorBoardLog, start: int = 0) -> None:
        self.columns, self.log_every, self.log = columns, log_every, log
        self.failures = FailureDetector(columns.advice)
        self.rows: list[dict[str, float]] = []
        self.window: list[dict[str, float]] = []
        self.calls: list[tuple[int, float, float]] = []  # steps, seconds, and seconds of waiting, in this process
        self.bar = progress_bar(label=f"train {columns.label}", total=steps, initial=start)

    def add(self, first: int, metrics: Mapping[str, NDArray[Any]], seconds: float, waited: float) -> None:
        """Add the metrics of a call of several steps, and close the rows that these steps complete.

        Args:
            first: number of the first of these steps, from 0.
            metrics: name → one value per step, `(steps, …)`.
            seconds: duration of the call, including the wait for its batch.
            waited: duration of that wait, in seconds.

        Raises:
            PedigreeError: a metric is not finite, or the run cannot recover.
        """
        columns = {name: metrics[name].tolist() for name in (*self.columns.metrics, "logit_gap")}
        count = len(columns["logit_gap"])
        self.calls.append((count, seconds, waited))
        for index in range(count):
            self.window.append({name: column[index] for name, column in columns.items()})
            if (first + index + 1) % self.log_every == 0:
                self.close_row(first + index + 1)
        if len(self.calls) == 1:  # it has compiled the step
            restart(self.bar, first + count)
        else:
            self.bar.update(count)

    def close_row(self, step: int) -> None:
        """Close the row that ends after `step` steps, unless it is empty.

        Raises:
            PedigreeError: a metric is not finite, or the run cannot recover.
        """
        if not self.window:
            return
        means = {name: sum(metrics[name] for metrics in self.window) / len(self.window) for name in self.window[0]}
        self.window = []
        self.rows.append({"step": step} | means)
        self.log.scalars({tag: means[name] for name, tag in self.columns.metrics.items()}, step)
        self.log.scalars({f"speed/{name}": value for name, value in self._speed(self.calls[-1:]).items()}, step)
        losses = f"D {means['discriminator_loss']:.3f} G {means['generator_loss']:.3f}"
        self.bar.set_postfix_str(losses, refresh=False)  # a refresh would print the bar with its old rate
        self.failures.check(step, means)

    def add_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Close the row that ends after `step` steps, and add scores to it, by column."""
        self.close_row(step)
        self.rows[-1] |= scores
        self.log.scalars({self.columns.scores[name]: value for name, value in scores.items()}, step)

    def write(self, history: Path) -> None:
        """Write all rows to the CSV file `history`, and close the progress bar."""
        self.bar.close()
        with replacing_file(history) as temporary:
            table = pd.DataFrame(self.rows, columns=["step", *self.columns.metrics, *self.columns.scores])
            table.to_csv(temporary, index=False, float_format="%.5g")

    def speed(self) -> dict[str, float]:
        """Return the images per second of this process, and the share of time spent waiting for input.

        The first call, which compiles the step, is not counted if there are others. Without calls, the dict is empty.
        """
        return self._speed(self.calls[1:] or self.calls)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint, made of JSON's types."""
        return {"rows": self.rows, "window": self.window, "rows_of": self.failures.rows}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a state that `state` returned."""
        self.rows, self.window = list(state["rows"]), list(state["window"])
        self.failures.rows = dict(state["rows_of"])

    def _speed(self, calls: list[tuple[int, float, float]]) -> dict[str, float]:
        if not calls:
            return {}
        steps, seconds, waited = map(sum, zip(*calls, strict=True))
        images = steps * self.columns.pictures
        return {"images_per_second": round(images / seconds, 1), "waiting_for_input": round(waited / seconds, 4)}
