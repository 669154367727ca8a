"""What a training run needs from its task: variables, batches and steps, and what is drawn and scored on the way.

`DrawingTask` is the task of the train stage. The optional stage `translate` has its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
from numpy.typing import NDArray

from pedigree.backends.engine import Engine, Metrics
from pedigree.train.record import Columns

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Schedule:
    """The length of a run, and the intervals of what happens on the way, in steps. An interval of 0 means never."""

    steps: int
    log_every: int
    sample_every: int
    checkpoint_every: int
    score_every: int = 0


@dataclass(frozen=True)
class Outcome:
    """The result of scoring during training.

    Attributes:
        scores: by column of the history.
        problem: a new problem in one line, or None.
        kept: what is kept if training must stop because of the problem, in one sentence; None: training continues.
    """

    scores: Mapping[str, float]
    problem: str | None = None
    kept: str | None = None


class Task(Protocol):
    """Networks and their training.

    With several workers, every worker has a task. Only the chief's is drawn, inspected, scored and finished.
    """

    @property
    def engine(self) -> Engine:
        """The engine of the backend."""

    @property
    def settings(self) -> Any:
        """The section of `params.yaml`, a dataclass, with "float32" or "bfloat16" as precision."""

    @property
    def schedule(self) -> Schedule:
        """The length of the run and its intervals."""

    @property
    def columns(self) -> Columns:
        """What is recorded."""

    @property
    def crops(self) -> int:
        """The number of crops to train on."""

    @property
    def variables(self) -> Sequence[keras.Variable]:
        """All variables that a step changes, in a fixed order. They are part of checkpoints."""

    def batch(self, steps: range) -> Arrays:
        """Return the input of some steps: arrays whose first axis is the step. It may run in a thread."""

    def compile(self, capacity: int) -> Callable[[Arrays], Metrics]:
        """Return the compiled function from a batch of at most `capacity` steps to their metrics, `(steps, …)`."""

    def draw(self, step: int) -> None:
        """Draw samples after `step` steps, unless they are already drawn."""

    def inspect(self, step: int, metrics: Metrics) -> Mapping[str, float]:
        """Log diagnostics after `step` steps. Return scores by column.

        Args:
            step: number of steps done.
            metrics: the metrics of the last call, `(steps, …)`.
        """

    def score(self, step: int) -> Outcome:
        """Score the networks after `step` steps."""

    def finish(self, step: int) -> Outcome | None:
        """Score the networks after the last step, unless that is done, and load the weights that are kept."""

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return what a checkpoint needs besides the variables: arrays, and facts made of JSON's types."""

    def restore(self, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Restore a state that `state` returned."""
