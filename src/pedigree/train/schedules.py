"""Learning rate schedules: functions of an optimizer's number of updates, without state."""

from typing import Any

from keras import ops
from keras.optimizers import schedules

from pedigree.settings.train import Train

Tensor = Any


class WarmUp(schedules.LearningRateSchedule):
    """A linear warm-up over the first updates, followed by a constant rate or another schedule.

    Args:
        updates: length of the warm-up.
        after: the rate, or the schedule that starts after the warm-up.
    """

    def __init__(self, updates: int, after: float | schedules.LearningRateSchedule) -> None:
        self.updates, self.after = updates, after

    def __call__(self, step: Tensor) -> Tensor:
        """Return the rate of update `step`, counted from 0. The last update of the warm-up has the full rate."""
        done = ops.cast(step, "float32")
        after = self.after(ops.maximum(done - self.updates, 0.0)) if callable(self.after) else self.after
        return after * ops.minimum((done + 1) / self.updates, 1.0)


class LateLinear(schedules.LearningRateSchedule):
    """A constant rate in the first half of the updates, then a linear decay to 0 (Zhu et al., CycleGAN, section 4).

    Args:
        base: the rate of the first half.
        updates: the number of updates.
    """

    def __init__(self, base: float, updates: int) -> None:
        self.base, self.updates = base, updates

    def __call__(self, step: Tensor) -> Tensor:
        """Return the rate of update `step`, counted from 0."""
        left = 1 - ops.cast(step, "float32") / self.updates
        return self.base * ops.clip(2 * left, 0.0, 1.0)


def learning_rate(train: Train, base: float, updates_per_step: int = 1) -> float | schedules.LearningRateSchedule:
    """Return the learning rate, or the schedule of `train`, which may have a warm-up and a decay to 0 at the last step.

    Args:
        train: the settings.
        base: the learning rate after the warm-up.
        updates_per_step: number of updates of the optimizer per training step.
    """
    warmup = train.learning_rate_warmup * updates_per_step
    fall = max(train.steps * updates_per_step - warmup, 1)
    after: float | schedules.LearningRateSchedule = base
    if train.learning_rate_schedule == "linear":
        after = schedules.PolynomialDecay(base, fall, end_learning_rate=0.0)
    if train.learning_rate_schedule == "cosine":
        after = schedules.CosineDecay(base, fall)
    return WarmUp(warmup, after) if warmup else after
