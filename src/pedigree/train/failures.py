"""Detecting runs of training that cannot recover, from their metrics."""

import math
from collections.abc import Callable, Mapping

from pedigree.errors import PedigreeError
from pedigree.train.losses import LOSSES

FAILURE_ROWS = 10  # consecutive rows of the history that must show a failure before the run is stopped
CALMER = "Lower train.generator_learning_rate and train.discriminator_learning_rate, or raise train.r1_weight."
# Description of a failure → whether a row of mean metrics shows it, and what to do. The losses of a working run stay
# between 0.1 and 3. Losses without a lower bound (Wasserstein's) are only checked for the first failure.
FAILURES: dict[str, tuple[Callable[[Mapping[str, float]], bool], str]] = {
    "The discriminator is dead: it gives real and generated images the same logit": (
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


class FailureDetector:
    """Stops a run that cannot recover.

    Args:
        loss: the name of the adversarial loss.
    """

    def __init__(self, loss: str) -> None:
        self.failures = dict(list(FAILURES.items())[:1]) if LOSSES[loss].lipschitz else FAILURES
        self.rows = dict.fromkeys(self.failures, 0)  # consecutive rows that show each failure

    def check(self, step: int, means: Mapping[str, float]) -> None:
        """Check one row of mean metrics.

        Raises:
            PedigreeError: a metric is not finite, or a failure has lasted for `FAILURE_ROWS` rows.
        """
        for name, value in means.items():
            if not math.isfinite(value):
                raise PedigreeError(f"Training diverged: {name} is {value} at step {step}. {CALMER}")
        for failure, (is_shown, advice) in self.failures.items():
            self.rows[failure] = self.rows[failure] + 1 if is_shown(means) else 0
            if self.rows[failure] == FAILURE_ROWS:
                raise PedigreeError(f"{failure}, for {FAILURE_ROWS} rows of the history up to step {step}. {advice}")
