"""The record of a run: rows of reports/history.csv, points in TensorBoard, the progress bar."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from pedigree.common.files import replacing_file
from pedigree.common.progress import progress_bar
from pedigree.settings.train import Train
from pedigree.train.health import Health
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
# Columns that are filled in where somebody looked, and empty elsewhere.
LOOKED = {
    "holdout_accuracy": "accuracy/holdout",
    "kernel_distance": "score/kernel_distance",
    "frechet_distance": "score/frechet_distance",
    "different": "score/different",
    "variety": "score/variety",
}


class Record:
    """Means over every `train.log_every` steps, of a run that goes on from step `start`.

    Raises:
        PedigreeError: as soon as a number is not finite, or the run is past recovery.
    """

    def __init__(self, train: Train, log: TensorBoardLog, start: int = 0) -> None:
        self.train, self.log, self.health = train, log, Health(train.loss)
        self.rows: list[dict[str, float]] = []
        self.window: list[dict[str, float]] = []
        self.calls: list[tuple[int, float, float]] = []  # of this process: steps, seconds, of which waited
        self.bar = progress_bar(label=f"train {train.architecture}", total=train.steps, initial=start)

    def add(self, first: int, told: Mapping[str, NDArray[Any]], seconds: float, waited: float) -> None:
        """Take in what the steps from `first` on told, `(steps, …)` each, and close the rows they complete.

        Args:
            first: number of the first of these steps, from 0.
            told: name → a number a step.
            seconds: how long they took, with the wait for their batch.
            waited: how long that wait was.
        """
        columns = {name: told[name].tolist() for name in (*TAGS, "logit_gap")}
        count = len(columns["logit_gap"])
        self.calls.append((count, seconds, waited))
        for place in range(count):
            self.window.append({name: column[place] for name, column in columns.items()})
            if (first + place + 1) % self.train.log_every == 0:
                self.close_row(first + place + 1)
        self.bar.update(count)

    def close_row(self, step: int) -> None:
        """Close the row that ends with `step` steps, if it holds any."""
        if not self.window:
            return
        means = {name: sum(facts[name] for facts in self.window) / len(self.window) for name in self.window[0]}
        self.window = []
        self.rows.append({"step": step} | means)
        self.log.scalars({TAGS[name]: means[name] for name in TAGS}, step)
        self.log.scalars({f"speed/{name}": value for name, value in self._pace(self.calls[-1:]).items()}, step)
        self.bar.set_postfix_str(f"D {means['discriminator_loss']:.3f} G {means['generator_loss']:.3f}")
        self.health.examine(step, means)

    def look(self, step: int, numbers: Mapping[str, float]) -> None:
        """Add to the row that ends with `step` what was looked at there: of `LOOKED`."""
        self.close_row(step)
        self.rows[-1] |= numbers
        self.log.scalars({LOOKED[name]: value for name, value in numbers.items()}, step)

    def write(self, history: Path) -> None:
        """Write all rows so far to the CSV file `history`, and end the bar."""
        self.bar.close()
        with replacing_file(history) as beside:
            table = pd.DataFrame(self.rows, columns=["step", *TAGS, *LOOKED])
            table.to_csv(beside, index=False, float_format="%.5g")

    def speed(self) -> dict[str, float]:
        """Return images a second and the share of waiting, over this process's calls; nothing if there were none.

        The first call, in which the step is compiled, is left out where there is another.
        """
        return self._pace(self.calls[1:] or self.calls)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: JSON's own types."""
        return {"rows": self.rows, "window": self.window, "rows_of": self.health.rows_of}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.rows, self.window = list(state["rows"]), list(state["window"])
        self.health.rows_of = dict(state["rows_of"])

    def _pace(self, calls: list[tuple[int, float, float]]) -> dict[str, float]:
        if not calls:
            return {}
        steps, seconds, waited = map(sum, zip(*calls, strict=True))
        images = steps * self.train.batch_size * self.train.discriminator_steps
        return {"images_per_second": round(images / seconds, 1), "waiting_for_input": round(waited / seconds, 4)}
