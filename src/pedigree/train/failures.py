"""Detecting runs of training that cannot recover, from their metrics."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pedigree.errors import PedigreeError

FAILURE_ROWS = 10  # consecutive rows of the history that must show a failure before the run is stopped


@dataclass(frozen=True)
class Advice:
    """What to do about each failure, in one sentence.

    Attributes:
        dead: the discriminator cannot tell real pictures from generated ones at all.
        won: the discriminator is always right. None for a loss without a lower bound: it is not checked by its value.
        diverged: the losses grow, or are not finite.
    """

    dead: str
    won: str | None
    diverged: str


def is_dead(means: Mapping[str, float]) -> bool:
    """Return whether real and generated pictures have the same logits."""
    return means["logit_gap"] < 1e-4


def has_won(means: Mapping[str, float]) -> bool:
    """Return whether the discriminator's loss is almost 0. The losses of a working run stay between 0.1 and 3."""
    return means["discriminator_loss"] < 1e-4


def diverges(means: Mapping[str, float]) -> bool:
    """Return whether the discriminator's loss is far above that of a working run."""
    return means["discriminator_loss"] > 10


class FailureDetector:
    """Stops a run that cannot recover.

    Args:
        advice: what to do about each failure.
    """

    def __init__(self, advice: Advice) -> None:
        self.advice = advice
        self.failures: dict[str, tuple[Callable[[Mapping[str, float]], bool], str]] = {
            "The discriminator is dead: it gives real and generated images the same logit": (is_dead, advice.dead)
        }
        if advice.won is not None:
            self.failures |= {
                "The discriminator has won: its loss is below 0.0001 and the generator learns nothing": (
                    has_won,
                    advice.won,
                ),
                "Training diverges: the discriminator's loss is above 10": (diverges, advice.diverged),
            }
        self.rows = dict.fromkeys(self.failures, 0)  # consecutive rows that show each failure

    def check(self, step: int, means: Mapping[str, float]) -> None:
        """Check one row of mean metrics.

        Raises:
            PedigreeError: a metric is not finite, or a failure has lasted for `FAILURE_ROWS` rows.
        """
        for name, value in means.items():
            if not math.isfinite(value):
                raise PedigreeError(f"Training diverged: {name} is {value} at step {step}. {self.advice.diverged}")
        for failure, (is_shown, advice) in self.failures.items():
            self.rows[failure] = self.rows[failure] + 1 if is_shown(means) else 0
            if self.rows[failure] == FAILURE_ROWS:
                raise PedigreeError(f"{failure}, for {FAILURE_ROWS} rows of the history up to step {step}. {advice}")
