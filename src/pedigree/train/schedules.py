"""How the learning rate goes through training: a function of an optimizer's count of updates, with no state."""

from typing import Any

from keras import ops
from keras.optimizers import schedules

from pedigree.settings.train import Train

Tensor = Any


class WarmUp(schedules.LearningRateSchedule):
    """A linear rise over the first `updates`, then what comes `after` as a rate or a schedule that starts there."""

    def __init__(self, updates: int, after: float | schedules.LearningRateSchedule) -> None:
        self.updates, self.after = updates, after

    def __call__(self, step: Tensor) -> Tensor:
        """Return the rate of the update number `step`, counted from 0; the last of the warm-up has the full rate."""
        done = ops.cast(step, "float32")
        after = self.after(ops.maximum(done - self.updates, 0.0)) if callable(self.after) else self.after
        return after * ops.minimum((done + 1) / self.updates, 1.0)


def learning_rate(train: Train, base: float, updates_a_step: int = 1) -> float | schedules.LearningRateSchedule:
    """Return `base`, or the schedule from `base` that `train` asks for: to 0 at its last step, after a warm-up.

    `updates_a_step` is how often the optimizer updates in a step of training.
    """
    warmup = train.learning_rate_warmup * updates_a_step
    fall = max(train.steps * updates_a_step - warmup, 1)
    after: float | schedules.LearningRateSchedule = base
    if train.learning_rate_schedule == "linear":
        after = schedules.PolynomialDecay(base, fall, end_learning_rate=0.0)
    if train.learning_rate_schedule == "cosine":
        after = schedules.CosineDecay(base, fall)
    return WarmUp(warmup, after) if warmup else after
