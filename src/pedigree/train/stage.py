"""The train stage: trains a generator on the packed crops, and resumes an interrupted run exactly."""

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import keras

from pedigree.backends import find_device, make_engine, precision
from pedigree.backends.engine import Engine
from pedigree.backends.workers import WorkerLostError, Workers
from pedigree.common import paths
from pedigree.common.files import replacing_entries
from pedigree.common.packed_crops import Crops, load_crops
from pedigree.errors import PedigreeError
from pedigree.generator.model import save_generator
from pedigree.settings.train import Train
from pedigree.train.compatibility import biased_scores, check, check_device
from pedigree.train.resume.checkpoints import Checkpoint, Checkpoints, from_bytes, to_bytes
from pedigree.train.resume.fingerprint import fingerprint
from pedigree.train.resume.interruption import Interruption, exit_interrupted, interruptions
from pedigree.train.session import Session


def train(
    settings: Train,
    crops: Path = paths.CROPS,
    model: Path = paths.GENERATOR,
    reports: Path = paths.REPORTS,
    logs: Path = paths.TENSORBOARD,
    scratch: Path = paths.CHECKPOINTS,
) -> None:
    """Train the networks of `settings.architecture` on the crops and save the averaged generator to `model`.

    An interrupted run resumes from its last checkpoint in `scratch`, and has the same results as an uninterrupted one.
    Outputs are only written at the end. A run that fails or is interrupted leaves those of the previous run.
    With several workers, only the chief reads and writes these files, except the crops, which every worker needs.

    Args:
        settings: the `train` section.
        crops: the folder of the packed crops.
        model: the file of the generator.
        reports: the folder for history.csv, samples/, training.gif and training.json.
        logs: the folder of TensorBoard logs; the run writes to a subfolder.
        scratch: the folder of checkpoints.

    Raises:
        UsageError: parameters that cannot be combined, or an unsupported backend, device or number of devices.
        PedigreeError: the crops are missing, training diverges, the same run is already running, or a worker is lost
            or differs from the chief.
        SystemExit: 128 + the signal that interrupted training, after its state was saved.
    """
    check(settings)
    data = load_crops(crops)
    engine = make_engine(settings.devices)
    with engine.workers.session():
        _train_together(settings, data, engine, model, reports, logs, scratch)


def _train_together(
    settings: Train, data: Crops, engine: Engine, model: Path, reports: Path, logs: Path, scratch: Path
) -> None:
    """Train on all workers; the arguments are those of `train`."""
    workers = engine.workers
    check_device(settings, find_device())
    if workers.chief and (warning := biased_scores(settings)):
        print(f"pedigree train: {warning}", file=sys.stderr)
    settings = _with_precision(settings, workers)
    state = _RunState(settings, data, scratch)
    _check_same_run(workers, state.fingerprint)
    with state.checkpoints.held() if workers.chief else nullcontext(), interruptions() as interruption:
        checkpoint = _broadcast(state.latest_checkpoint() if workers.chief else None, workers)
        run = Session(settings, data, checkpoint, engine, logs, state.checkpoints.name if workers.chief else "")
        with run.log:
            try:
                _train(run, state, workers, interruption)
            except WorkerLostError as lost:
                raise PedigreeError(f"{lost} to resume from step {run.saved_at}.") from lost
            finally:
                run.record.bar.close()
            if workers.chief:
                _write_outputs(run, model, reports)
                state.checkpoints.clear()


class _RunState:
    """The checkpoints of a run, and those of finished runs that differ only in `steps`, for a warm start."""

    def __init__(self, settings: Train, data: Crops, scratch: Path) -> None:
        self.settings, backend = settings, keras.backend.backend()
        self.fingerprint = fingerprint(settings, data, backend=backend)
        self.checkpoints = Checkpoints(scratch, self.fingerprint, label=settings.architecture)
        self.finished: Checkpoints | None = None
        if settings.warm_start:
            any_steps = fingerprint(settings, data, backend=backend, ignored=frozenset({"steps"}))
            self.finished = Checkpoints(scratch, any_steps)

    def latest_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint to resume from, or None."""
        checkpoint = self.checkpoints.latest()
        return self.finished.latest(self.settings.steps) if checkpoint is None and self.finished else checkpoint


def _train(run: Session, state: _RunState, workers: Workers, interruption: Interruption) -> None:
    """Train to the end and save checkpoints; after a signal, save a checkpoint and exit."""
    settings = run.settings
    for step in run.steps():
        signal_number = workers.maximum(interruption.signal_number or 0)
        if signal_number or (step % settings.checkpoint_every == 0 and step < settings.steps):
            run.saved_at = step
            if workers.chief:
                state.checkpoints.save(run.checkpoint(step))
        if signal_number:
            workers.maximum(0)  # so that no worker leaves before the state is saved
            run.record.bar.close()  # so that the message starts on a new line
            exit_interrupted(signal_number, step, settings.steps)
    if workers.chief:
        if state.finished and run.stopped_at is None:
            state.finished.save(run.checkpoint(settings.steps))
        run.finish()


def _write_outputs(run: Session, model: Path, reports: Path) -> None:
    """Write the generator and the reports. If one of them cannot be written, none is replaced."""
    with replacing_entries(reports) as new:
        run.record.write(new / paths.HISTORY.name)
        run.gallery.save(new / paths.SAMPLES.name, new / paths.TRAINING_FILM.name)
        run.write_facts(new / paths.TRAINING_FACTS.name)
        save_generator(run.gan.average, run.data.breeds, model, run.settings.latent)


def _check_same_run(workers: Workers, fingerprint: str) -> None:
    """Check that all workers have the same fingerprint."""
    differs = workers.broadcast(fingerprint.encode()).decode() != fingerprint
    if last := workers.maximum(workers.index if differs else 0):
        raise PedigreeError(
            f"worker {last} differs from the chief in params.yaml, data/crops, code or package versions: "
            "make them the same on all workers."
        )


def _with_precision(settings: Train, workers: Workers) -> Train:
    """Return the settings with "auto" replaced by the chief's precision, on all workers."""
    chosen = workers.broadcast(precision.choose(settings.precision, find_device()).encode()).decode()
    return replace(settings, precision="bfloat16" if chosen == "bfloat16" else "float32")


def _broadcast(checkpoint: Checkpoint | None, workers: Workers) -> Checkpoint | None:
    """Return the chief's checkpoint on all workers."""
    return from_bytes(workers.broadcast(to_bytes(checkpoint))) if workers.count > 1 else checkpoint
