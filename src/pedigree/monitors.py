"""What watches a run of training: the record of its losses, its health, and pictures of how far it is."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np
import pandas as pd

from pedigree.breeds import display_name
from pedigree.errors import PedigreeError
from pedigree.files import replacing_file
from pedigree.gan import ConditionalGAN
from pedigree.generator import Generator
from pedigree.grids import grid, save_png
from pedigree.params import Train
from pedigree.progress import progress_bar
from pedigree.tensorboard_log import TensorBoardLog

TAGS = {
    "discriminator_loss": "loss/discriminator",
    "generator_loss": "loss/generator",
    "r1_penalty": "loss/r1_penalty",
    "real_logit": "logit/real",
    "fake_logit": "logit/fake",
    "discriminator_gradient_norm": "gradient_norm/discriminator",
    "generator_gradient_norm": "gradient_norm/generator",
}
BREEDS_SHOWN = 16
SICK_ROWS = 10  # rows of the history on end before a run is given up
CALMER = "Lower train.generator_learning_rate and train.discriminator_learning_rate, or raise train.r1_weight."
# What is wrong → how a row of means shows it, and what to do. Losses of a sound run stay between 0.1 and 3.
SICKNESSES: dict[str, tuple[Callable[[Mapping[str, float]], bool], str]] = {
    "The discriminator is dead: it gives real and drawn pictures the same logit": (
        lambda means: means["logit_gap"] < 1e-4,
        "Lower train.discriminator_learning_rate or train.r1_weight.",
    ),
    "The discriminator has won: its loss is below 0.0001 and the generator learns nothing": (
        lambda means: means["discriminator_loss"] < 1e-4,
        "Raise train.r1_weight, or add to train.augment.",
    ),
    "Training diverges: the discriminator's loss is above 10": (
        lambda means: means["discriminator_loss"] > 10,
        CALMER,
    ),
}


class Record(keras.callbacks.Callback):
    """Means over every `train.log_every` steps: rows of reports/history.csv, points in TensorBoard, the bar's text.

    Raises:
        PedigreeError: as soon as a loss is not a number, or the discriminator is dead.
    """

    def __init__(self, train: Train, log: TensorBoardLog) -> None:
        super().__init__()
        self.train, self.log, self.health = train, log, Health()
        self.rows: list[dict[str, float]] = []
        self.speeds: list[float] = []

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self.bar = progress_bar(label=f"train {self.train.recipe}", total=self.train.steps)
        self._open_window()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.window.append({name: float(value) for name, value in (logs or {}).items()})
        self.bar.update()
        if (batch + 1) % self.train.log_every == 0 or batch + 1 == self.train.steps:
            self._close_window(batch + 1)

    def close(self, history: Path) -> None:
        """Write all rows so far to the CSV file `history`."""
        self.bar.close()
        with replacing_file(history) as beside:
            pd.DataFrame(self.rows, columns=["step", *TAGS]).to_csv(beside, index=False, float_format="%.5g")

    def _open_window(self) -> None:
        self.window: list[dict[str, float]] = []
        self.opened = perf_counter()

    def _close_window(self, step: int) -> None:
        means = {name: sum(facts[name] for facts in self.window) / len(self.window) for name in self.window[0]}
        self.speeds.append(len(self.window) * self.train.batch_size / (perf_counter() - self.opened))
        self.rows.append({"step": step} | means)
        curves = {TAGS[name]: means[name] for name in TAGS}
        self.log.scalars(curves | {"speed/images_per_second": self.speeds[-1]}, step)
        self.bar.set_postfix_str(f"D {means['discriminator_loss']:.3f} G {means['generator_loss']:.3f}")
        self.health.examine(step, means)
        self._open_window()


class Health:
    """Tells a run that cannot recover."""

    def __init__(self) -> None:
        self.rows_of = dict.fromkeys(SICKNESSES, 0)

    def examine(self, step: int, means: Mapping[str, float]) -> None:
        """Look at one row of means.

        Raises:
            PedigreeError: where a number is not finite, or where for `SICK_ROWS` rows on end the discriminator has told
                nothing apart, has been so certain that the generator is told nothing, or has lost all bounds.
        """
        for name, value in means.items():
            if not math.isfinite(value):
                raise PedigreeError(f"Training diverged: {name} is {value} at step {step}. {CALMER}")
        for sickness, (shows, advice) in SICKNESSES.items():
            self.rows_of[sickness] = self.rows_of[sickness] + 1 if shows(means) else 0
            if self.rows_of[sickness] == SICK_ROWS:
                raise PedigreeError(f"{sickness}, for {SICK_ROWS} rows of the history up to step {step}. {advice}")


class Gallery(keras.callbacks.Callback):
    """Pictures of the averaged generator for fixed noise and fixed breeds, every `train.sample_every` steps.

    `final.png` has a row a breed (at most `BREEDS_SHOWN`, evenly spread); `progress.png` a row a moment.
    """

    def __init__(self, gan: ConditionalGAN, breeds: tuple[str, ...], train: Train, log: TensorBoardLog) -> None:
        super().__init__()
        self.generator, self.train, self.log = Generator(gan.average, breeds), train, log
        spread = np.linspace(0, len(breeds) - 1, min(len(breeds), BREEDS_SHOWN))
        self.shown = np.unique(spread.round().astype(np.int32))
        self.moments: list[tuple[int, Any]] = []

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        step = batch + 1
        if step % self.train.sample_every == 0 or step == self.train.steps:
            self._draw(step)

    def save(self, folder: Path) -> None:
        """Write the two pictures to `folder`."""
        save_png(self._by_breed(self.moments[-1][1]), folder / "final.png")
        rows = np.stack([images[:, 0] for _, images in self.moments])
        labels = [f"step {step}" for step, _ in self.moments]
        save_png(grid(rows, labels=labels, scale=self._scale), folder / "progress.png")

    @property
    def _scale(self) -> int:
        return max(1, 64 // self.generator.image_size)

    def _draw(self, step: int) -> None:
        columns = 8
        images = self.generator.draw(np.repeat(self.shown, columns), self.train.seed)
        images = images.reshape(len(self.shown), columns, *images.shape[1:])
        self.moments.append((step, images))
        self.log.image("samples", self._by_breed(images), step)

    def _by_breed(self, images: Any) -> Any:
        names = [display_name(self.generator.breeds[index]) for index in self.shown]
        return grid(images, labels=names, scale=self._scale)
