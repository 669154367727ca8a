"""The record of a run: rows of reports/history.csv, scalars in TensorBoard, and the progress bar."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from pedigree.common.files import replacing_file
from pedigree.common.progress import progress_bar, restart
from pedigree.settings.train import Train
from pedigree.train.failures import FailureDetector
from pedigree.train.tensorboard_log import TensorBoardLog

TAGS = {
    "discriminator_loss": "loss/discriminator",
    "generator_loss": "loss/generator",
    "gradient_penalty": "loss/gradient_penalty",
    "real_logit": "logit/real",
    "fake_logit": "logit/fake",
    "real_accuracy": "accuracy/real",
    "fake_accuracy": "accuracy/fake",
    "discriminator_gradient_norm": "gradient_norm/discriminator",
    "generator_gradient_norm": "gradient_norm/generator",
    "augment_strength": "augment/strength",
}
# Columns of runs with pretrained features.
FEATURE_TAGS = {
    "features_loss": "loss/features",
    "features_generator_loss": "loss/features_generator",
    "features_real_logit": "logit/features_real",
    "features_fake_logit": "logit/features_fake",
}
# Columns that are only filled in at the steps at which the GAN is inspected or scored.
SCORE_TAGS = {
    "holdout_accuracy": "accuracy/holdout",
    "kernel_distance": "score/kernel_distance",
    "frechet_distance": "score/frechet_distance",
    "different": "score/different",
    "variety": "score/variety",
}


class Record:
    """Averages metrics over `train.log_every` steps and records them.

    Args:
        train: the settings.
        log: the TensorBoard log.
        start: the step from which the run resumes.
    """

    def __init__(self, train: Train, log: TensorBoardLog, start: int = 0) -> None:
        self.train, self.log, self.failures = train, log, FailureDetector(train.loss)
        self.tags = TAGS | (FEATURE_TAGS if train.features_weight else {})
        self.rows: list[dict[str, float]] = []
        self.window: list[dict[str, float]] = []
        self.calls: list[tuple[int, float, float]] = []  # steps, seconds, and seconds of waiting, in this process
        self.bar = progress_bar(label=f"train {train.architecture}", total=train.steps, initial=start)

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
        columns = {name: metrics[name].tolist() for name in (*self.tags, "logit_gap")}
        count = len(columns["logit_gap"])
        self.calls.append((count, seconds, waited))
        for index in range(count):
            self.window.append({name: column[index] for name, column in columns.items()})
            if (first + index + 1) % self.train.log_every == 0:
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
        self.log.scalars({self.tags[name]: means[name] for name in self.tags}, step)
        self.log.scalars({f"speed/{name}": value for name, value in self._speed(self.calls[-1:]).items()}, step)
        losses = f"D {means['discriminator_loss']:.3f} G {means['generator_loss']:.3f}"
        self.bar.set_postfix_str(losses, refresh=False)  # a refresh would print the bar with its old rate
        self.failures.check(step, means)

    def add_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Close the row that ends after `step` steps, and add scores to it; their names are those of `SCORE_TAGS`."""
        self.close_row(step)
        self.rows[-1] |= scores
        self.log.scalars({SCORE_TAGS[name]: value for name, value in scores.items()}, step)

    def write(self, history: Path) -> None:
        """Write all rows to the CSV file `history`, and close the progress bar."""
        self.bar.close()
        with replacing_file(history) as temporary:
            table = pd.DataFrame(self.rows, columns=["step", *self.tags, *SCORE_TAGS])
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
        images = steps * self.train.batch_size * self.train.discriminator_steps
        return {"images_per_second": round(images / seconds, 1), "waiting_for_input": round(waited / seconds, 4)}
