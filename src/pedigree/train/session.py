"""A training run: its task, its record, and the loop over calls of several steps."""

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import closing
from time import perf_counter
from typing import Any, Generic, TypeVar

import numpy as np

from pedigree.backends import find_device
from pedigree.backends.engine import Metrics
from pedigree.common.plurals import plural
from pedigree.train.batches import stream
from pedigree.train.record import Record
from pedigree.train.resume.checkpoints import Checkpoint
from pedigree.train.task import Outcome, Task
from pedigree.train.tensorboard_log import TensorBoardLog

CAPACITY = 32  # maximum number of steps per call
CALL_SECONDS = 0.5  # target duration of a call, so that training stops soon after an interruption

SomeTask = TypeVar("SomeTask", bound=Task)


class Session(Generic[SomeTask]):
    """One training run, from its first step or from a checkpoint.

    With several workers, every worker has a session. Only the chief logs, draws samples and scores.

    Args:
        task: what is trained.
        checkpoint: the checkpoint to resume from, or None.
        log: the TensorBoard log of the run, which must be open while it trains.
        name: the name of the run, also if it was interrupted.
    """

    def __init__(self, task: SomeTask, checkpoint: Checkpoint | None, log: TensorBoardLog, name: str) -> None:
        self.task, self.log, self.name = task, log, name
        self.start, self.resumed = (checkpoint.step, True) if checkpoint else (0, False)
        self.workers, self.device, self.schedule = task.engine.workers, find_device(), task.schedule
        self.record = Record(task.columns, self.schedule.steps, self.schedule.log_every, log, self.start)
        self.stopped_at: int | None = None
        self.stopped_by: str | None = None
        self.saved_at = self.start
        self.steps_per_call = 1
        if checkpoint:
            self._restore(checkpoint)
        print(self._summary())

    def steps(self) -> Iterator[int]:
        """Train. After each call and its monitoring, yield the number of steps done."""
        if not self.resumed:
            self.log.hyperparameters(dataclasses.asdict(self.task.settings))
        take, done = self.task.compile(self._capacity), self.start
        with closing(stream(self._calls(), self.task.batch)) as batches:
            while done < self.schedule.steps:
                began = perf_counter()
                batch = next(batches)
                waited = perf_counter() - began
                metrics = take(batch)
                seconds, count = perf_counter() - began, len(next(iter(batch.values())))
                self.steps_per_call = max(1, int(CALL_SECONDS * count / seconds))
                self.record.add(done, metrics, seconds, waited)
                done += count
                self._monitor(done, metrics)
                self.stopped_at = self.workers.maximum(self.stopped_at or 0) or None
                if self.stopped_at is not None:
                    return
                yield done

    def finish(self) -> None:
        """Draw and score after the last step, and load the weights that are kept. Only for the chief."""
        last = self.last_step
        self.record.close_row(last)
        self.task.draw(last)
        if (outcome := self.task.finish(last)) is not None:
            self._note(outcome, last)

    @property
    def last_step(self) -> int:
        """The step after which training ended, or is going to end."""
        return self.stopped_at or self.schedule.steps

    def _monitor(self, step: int, metrics: Metrics) -> None:
        """Draw samples, inspect and score after `step` steps if due. The row of metrics comes first and may raise."""
        sample_due = step % self.schedule.sample_every == 0
        score_due = self.schedule.score_every > 0 and step % self.schedule.score_every == 0
        if sample_due or score_due:
            self.record.close_row(step)
        if not self.workers.chief:
            return
        if sample_due:
            self.task.draw(step)
            self.record.add_scores(step, self.task.inspect(step, metrics))
        if score_due:
            self._note(self.task.score(step), step)

    def _note(self, outcome: Outcome, step: int) -> None:
        """Record scores. Print a new problem, and stop if it must."""
        self.record.add_scores(step, outcome.scores)
        if outcome.problem is None:
            return
        problem = outcome.problem
        if outcome.kept is not None:
            self.stopped_at, self.stopped_by = step, problem
            problem += f" {outcome.kept}"
        self.record.bar.write(problem, file=sys.stderr)
        self.log.text("trouble", problem, step)

    def checkpoint(self, step: int) -> Checkpoint:
        """Return the state of the run after `step` steps."""
        arrays, facts = self.task.state()
        variables = {f"variable-{index}": np.asarray(value) for index, value in enumerate(self.task.variables)}
        state = {"name": self.name, "record": self.record.state(), "task": facts}
        return Checkpoint(step, {**variables, **{f"task-{name}": array for name, array in arrays.items()}}, state)

    def _restore(self, checkpoint: Checkpoint) -> None:
        for index, variable in enumerate(self.task.variables):
            variable.assign(checkpoint.arrays[f"variable-{index}"])
        own = {name: array for name, array in checkpoint.arrays.items() if name.startswith("task-")}
        arrays = {name.removeprefix("task-"): array for name, array in own.items()}
        self.task.restore(arrays, checkpoint.facts["task"])
        self.record.restore(checkpoint.facts["record"])

    @property
    def _capacity(self) -> int:
        return min(CAPACITY, self.schedule.log_every)

    def _calls(self) -> Iterator[range]:
        """Yield the steps of each call. A call stops where logging, samples, scores or saving is due."""
        schedule, done = self.schedule, self.start
        intervals = (schedule.log_every, schedule.sample_every, schedule.score_every, schedule.checkpoint_every)
        while done < schedule.steps:
            due = min((done // interval + 1) * interval for interval in intervals if interval)
            end = min(due, done + min(self.workers.maximum(self.steps_per_call), self._capacity), schedule.steps)
            yield range(done, end)
            done = end

    def facts(self) -> dict[str, Any]:
        """Return facts of the run for a report: its length, the device, the speed and the last losses."""
        last = self.record.rows[-1]
        return {
            "steps": self.last_step,
            "stopped_by": self.stopped_by,
            "device": self.device.name,
            "precision": self.task.settings.precision,
            **self.record.speed(),
            "discriminator_loss": last["discriminator_loss"],
            "generator_loss": last["generator_loss"],
        }

    def _summary(self) -> str:
        devices = self.task.engine.devices
        count = f"{devices} × " if devices > 1 else ""
        device = f"{count}{self.device.name} ({self.device.kind})"
        resuming = f", resuming from step {self.start}" if self.start else ""
        crops = plural(self.task.crops, "crop")
        return f"Training on {device} in {self.task.settings.precision}, {crops}{resuming}."
