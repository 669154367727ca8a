"""A training run from its start to its outputs: one process per run, checkpoints, interruption and exact resume."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras

from pedigree.backends import find_device, precision
from pedigree.backends.workers import WorkerLostError, Workers
from pedigree.common.packed_crops import Crops
from pedigree.errors import PedigreeError
from pedigree.train.resume.checkpoints import Checkpoint, Checkpoints, from_bytes, to_bytes
from pedigree.train.resume.fingerprint import PACKAGES, fingerprint
from pedigree.train.resume.interruption import Interruption, exit_interrupted, interruptions
from pedigree.train.session import Session, SomeTask
from pedigree.train.tensorboard_log import TensorBoardLog


@dataclass(frozen=True)
class Run:
    """What identifies a run, and where its state is kept.

    Attributes:
        settings: the section of `params.yaml`, a dataclass, with "float32" or "bfloat16" as precision.
        data: the crops.
        label: the start of the run's name.
        logs: the folder of TensorBoard logs; the run writes to a subfolder.
        scratch: the folder of checkpoints.
        command: the command of `pedigree` that trains.
        repro: the command that runs the stage.
        packages: the packages whose code the results depend on.
        warm_start: keep the state of a finished run, so that a run with more steps continues it.
    """

    settings: Any
    data: Crops
    label: str
    logs: Path
    scratch: Path
    command: str = "train"
    repro: str = "dvc repro"
    packages: tuple[str, ...] = PACKAGES
    warm_start: bool = False


def train_to_end(
    run: Run,
    workers: Workers,
    make_task: Callable[[TensorBoardLog], SomeTask],
    write: Callable[[Session[SomeTask]], None],
) -> None:
    """Train on all workers, then write the outputs on the chief.

    An interrupted run resumes from its last checkpoint, and has the same results as an uninterrupted one.

    Args:
        run: what identifies the run.
        workers: the processes that train together.
        make_task: builds the networks.
        write: writes the outputs of a finished run. The checkpoints are removed after it.

    Raises:
        PedigreeError: training diverges, the same run is already running, or a worker is lost or differs from the
            chief.
        SystemExit: 128 + the signal that interrupted training, after its state was saved.
    """
    state = _RunState(run)
    _check_same_run(workers, state.fingerprint)
    checkpoints = state.checkpoints
    with checkpoints.held() if workers.chief else nullcontext(), interruptions(run.command) as interruption:
        checkpoint = _broadcast(state.latest_checkpoint() if workers.chief else None, workers)
        name = checkpoint.facts["name"] if checkpoint else checkpoints.name if workers.chief else ""
        log = TensorBoardLog(run.logs / name if workers.chief else None, checkpoint.step if checkpoint else 0)
        session = Session(make_task(log), checkpoint, log, name)
        with log:
            try:
                _train(session, state, workers, interruption)
            except WorkerLostError as lost:
                raise PedigreeError(f"{lost} to resume from step {session.saved_at}.") from lost
            finally:
                session.record.bar.close()
            if workers.chief:
                write(session)
                checkpoints.clear()


def chosen_precision(setting: str, workers: Workers) -> Literal["float32", "bfloat16"]:
    """Return the precision for a parameter that may be "auto": the chief's choice, on all workers."""
    chosen = workers.broadcast(precision.choose(setting, find_device()).encode()).decode()
    return "bfloat16" if chosen == "bfloat16" else "float32"


class _RunState:
    """The checkpoints of a run, and those of finished runs that differ only in `steps`, for a warm start."""

    def __init__(self, run: Run) -> None:
        self.run, facts = run, {"backend": keras.backend.backend(), "packages": run.packages}
        self.fingerprint = fingerprint(run.settings, run.data, **facts)
        self.checkpoints = Checkpoints(run.scratch, self.fingerprint, label=run.label)
        self.finished: Checkpoints | None = None
        if run.warm_start:
            any_steps = fingerprint(run.settings, run.data, **facts, ignored=frozenset({"steps"}))
            self.finished = Checkpoints(run.scratch, any_steps)

    def latest_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint to resume from, or None."""
        checkpoint = self.checkpoints.latest()
        return self.finished.latest(self.run.settings.steps) if checkpoint is None and self.finished else checkpoint


def _train(session: Session[Any], state: _RunState, workers: Workers, interruption: Interruption) -> None:
    """Train to the end and save checkpoints; after a signal, save a checkpoint and exit."""
    schedule = session.schedule
    for step in session.steps():
        signal_number = workers.maximum(interruption.signal_number or 0)
        if signal_number or (step % schedule.checkpoint_every == 0 and step < schedule.steps):
            session.saved_at = step
            if workers.chief:
                state.checkpoints.save(session.checkpoint(step))
        if signal_number:
            workers.maximum(0)  # so that no worker leaves before the state is saved
            session.record.bar.close()  # so that the message starts on a new line
            exit_interrupted(signal_number, step, schedule.steps, state.run.command, state.run.repro)
    if workers.chief:
        if state.finished and session.stopped_at is None:
            state.finished.save(session.checkpoint(schedule.steps))
        session.finish()


def _check_same_run(workers: Workers, fingerprint: str) -> None:
    """Check that all workers have the same fingerprint."""
    differs = workers.broadcast(fingerprint.encode()).decode() != fingerprint
    if last := workers.maximum(workers.index if differs else 0):
        raise PedigreeError(
            f"worker {last} differs from the chief in params.yaml, data/crops, code or package versions: "
            "make them the same on all workers."
        )


def _broadcast(checkpoint: Checkpoint | None, workers: Workers) -> Checkpoint | None:
    """Return the chief's checkpoint on all workers."""
    return from_bytes(workers.broadcast(to_bytes(checkpoint))) if workers.count > 1 else checkpoint
