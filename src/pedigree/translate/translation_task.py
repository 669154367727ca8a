"""The task of the stage translate: a CycleGAN that learns to give the dogs of each of two breeds the other's coat."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pedigree.backends.engine import Engine, Metrics
from pedigree.common.breeds import display_name
from pedigree.common.packed_crops import Crops
from pedigree.common.spread import spread
from pedigree.generator.translator import Translator
from pedigree.settings.translate import Translate
from pedigree.train.calls import compile_calls
from pedigree.train.failures import Advice
from pedigree.train.gallery import COLUMNS, Gallery
from pedigree.train.inspection import log_norms
from pedigree.train.record import Columns
from pedigree.train.task import Arrays, Outcome, Schedule
from pedigree.train.tensorboard_log import TensorBoardLog
from pedigree.translate.batches import stacked
from pedigree.translate.gan import CycleGAN, trainable
from pedigree.translate.step import train_step

TAGS = {
    "discriminator_loss": "loss/discriminator",
    "generator_loss": "loss/generator",
    "adversarial_loss": "loss/adversarial",
    "cycle_loss": "loss/cycle",
    "identity_loss": "loss/identity",
    "real_logit": "logit/real",
    "fake_logit": "logit/fake",
    "real_accuracy": "accuracy/real",
    "fake_accuracy": "accuracy/fake",
    "discriminator_gradient_norm": "gradient_norm/discriminator",
    "generator_gradient_norm": "gradient_norm/generator",
}
SCORE_TAGS = {"holdout_round_trip": "holdout/round_trip"}
ADVICE = Advice(
    dead="Lower translate.learning_rate.",
    won="Raise translate.pool_size, or lower translate.learning_rate.",
    diverged="Lower translate.learning_rate.",
)


class RoundTrips:
    """Translates the same held-out crops again and again. For each breed, there is a row of crops, of translations, and
    of translations back.

    Args:
        translator: the translator.
        pair: the crops of the two breeds.
    """

    def __init__(self, translator: Translator, pair: Crops) -> None:
        self.translator = translator
        places = [np.flatnonzero(pair.holdout_labels == breed) for breed in (0, 1)]
        self.crops = [pair.holdout_images[rows[spread(COLUMNS, len(rows))]] for rows in places]
        names = [display_name(breed) for breed in pair.breeds]
        self.labels = [row for one, other in (names, names[::-1]) for row in (one, f"as {other}", f"back to {one}")]

    def draw(self) -> NDArray[np.uint8]:
        """Translate the crops there and back: `(6, COLUMNS, size, size, 3)`."""
        rows = []
        for breed, crops in enumerate(self.crops):
            there = self.translator.translate(crops, 1 - breed)
            rows += [crops, there, self.translator.translate(there, breed)]
        return np.stack(rows)


class TranslationTask:
    """A CycleGAN and its monitoring, as a `Task`.

    Args:
        settings: the `translate` section, with "float32" or "bfloat16" as precision.
        pair: the crops of the two breeds (`pair.pair_of`).
        engine: the engine of the backend.
        log: the TensorBoard log.
    """

    def __init__(self, settings: Translate, pair: Crops, engine: Engine, log: TensorBoardLog) -> None:
        self.settings, self.pair, self.engine, self.log = settings, pair, engine, log
        self.columns = Columns("translator", TAGS, SCORE_TAGS, 2 * settings.batch_size, ADVICE)
        self.gan = CycleGAN(settings, pair.size, settings.precision, engine)
        self.gallery = Gallery(RoundTrips(Translator(self.gan.average, pair.breeds, {}), pair), log)

    @property
    def schedule(self) -> Schedule:
        """The length of the run and its intervals."""
        settings = self.settings
        return Schedule(settings.steps, settings.log_every, settings.sample_every, settings.checkpoint_every)

    @property
    def crops(self) -> int:
        """The number of crops to train on."""
        return len(self.pair.train_images)

    @property
    def variables(self) -> list[keras.Variable]:
        """All variables that a step changes."""
        return self.gan.variables

    def batch(self, steps: range) -> Arrays:
        """Return the input of some steps."""
        return stacked(steps, self.pair, self.settings)

    def compile(self, capacity: int) -> Callable[[Arrays], Metrics]:
        """Return the compiled function from a batch to its metrics."""
        return compile_calls(self.engine, partial(train_step, self.gan), self.gan.variables, capacity)

    def draw(self, step: int) -> None:
        """Translate held-out crops there and back."""
        self.gallery.draw(step)

    def inspect(self, step: int, metrics: Metrics) -> Mapping[str, float]:
        """Log the norms of weights and gradients.

        Returns:
            `holdout_round_trip`: the mean absolute difference between the held-out crops of the last samples and their
            translations there and back, in levels of 255.
        """
        for name, networks in (("generator", self.gan.generators), ("discriminator", self.gan.discriminators)):
            log_norms(self.log, name, trainable(networks), metrics, step)
        rows = self.gallery.grids[-1].astype(np.float64)
        return {"holdout_round_trip": float(np.abs(rows[0::3] - rows[2::3]).mean())}

    def score(self, step: int) -> Outcome:
        """Raise a ValueError: a translator is scored by the report alone."""
        raise ValueError("a translator has no scores during training")

    def finish(self, step: int) -> Outcome | None:
        """Do nothing: the last weights are kept."""
        return None

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return the samples."""
        return self.gallery.state(), {}

    def restore(self, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Restore a state that `state` returned."""
        self.gallery.restore(arrays)
