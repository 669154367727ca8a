"""Whether a run of training can still come to something, by the numbers it tells."""

import math
from collections.abc import Callable, Mapping

from pedigree.errors import PedigreeError
from pedigree.train.losses import LOSSES

SICK_ROWS = 10  # rows of the history on end before a run is given up
CALMER = "Lower train.generator_learning_rate and train.discriminator_learning_rate, or raise train.r1_weight."
# What is wrong → how a row of means shows it, and what to do. Losses of a sound run stay between 0.1 and 3, but for
# those without a floor (Wasserstein's), which only the first can see.
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


class Health:
    """Tells a run that cannot recover, by the row."""

    def __init__(self, loss: str) -> None:
        self.sicknesses = dict(list(SICKNESSES.items())[:1]) if LOSSES[loss].lipschitz else SICKNESSES
        self.rows_of = dict.fromkeys(self.sicknesses, 0)

    def examine(self, step: int, means: Mapping[str, float]) -> None:
        """Look at one row of means.

        Raises:
            PedigreeError: where a number is not finite, or where for `SICK_ROWS` rows on end the discriminator has told
                nothing apart, has been so certain that the generator is told nothing, or has lost all bounds.
        """
        for name, value in means.items():
            if not math.isfinite(value):
                raise PedigreeError(f"Training diverged: {name} is {value} at step {step}. {CALMER}")
        for sickness, (shows, advice) in self.sicknesses.items():
            self.rows_of[sickness] = self.rows_of[sickness] + 1 if shows(means) else 0
            if self.rows_of[sickness] == SICK_ROWS:
                raise PedigreeError(f"{sickness}, for {SICK_ROWS} rows of the history up to step {step}. {advice}")
