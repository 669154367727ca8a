"""The train stage: from packed crops to a generator, going on exactly where it was interrupted."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import keras

from pedigree.backends import find_device, make_engine
from pedigree.backends.workers import WorkerLostError, Workers
from pedigree.common.packed_crops import Crops, load_crops
from pedigree.errors import PedigreeError
from pedigree.generator.model import save_generator
from pedigree.settings.train import Train
from pedigree.train import precision
from pedigree.train.compatibility import check
from pedigree.train.resume.checkpoints import Checkpoint, Checkpoints, from_bytes, to_bytes
from pedigree.train.resume.fingerprint import fingerprint
from pedigree.train.resume.interruption import Interruption, interruptions, leave
from pedigree.train.session import Session


def train(
    settings: Train,
    crops: Path = Path("data/crops"),
    model: Path = Path("models/generator.keras"),
    reports: Path = Path("reports"),
    logs: Path = Path("runs/tensorboard"),
    scratch: Path = Path("runs/checkpoints"),
) -> None:
    """Train the networks of `settings.recipe` on the crops and keep the averaged generator in `model`.

    Writes history.csv, samples/, training.gif and training.json to `reports`, and a TensorBoard log to a folder of
    `logs`. A run that was interrupted goes on from its last checkpoint in `scratch` and ends as if it never was.

    Of several processes, the chief alone reads and writes there; all need the same crops.

    Raises:
        PedigreeError: where the crops are missing, training diverges, the same run is running already, or of several
            workers one is lost or has something else to train on; the model there was is kept.
        SystemExit: 128 + the signal that interrupted it, once its state is saved.
    """
    check(settings)
    data = load_crops(crops)
    engine = make_engine(settings.devices)
    workers = engine.workers
    settings = _with_precision(settings, workers)
    state = _State(settings, data, scratch)
    _hold_together(workers, state.decisive)
    with state.store.held() if workers.chief else nullcontext(), interruptions() as interruption:
        found = _of_chief(state.found() if workers.chief else None, workers)
        run = Session(settings, data, found, engine, logs)
        with run.log:
            try:
                _train(run, state, workers, interruption)
            except WorkerLostError as lost:
                raise PedigreeError(f"{lost}, and training goes on from step {run.saved_at}.") from lost
            finally:
                run.record.bar.close()
                if workers.chief:
                    run.record.write(reports / "history.csv")
            if workers.chief:
                run.gallery.save(reports / "samples", reports / "training.gif")
                run.write_facts(reports / "training.json")
                save_generator(run.gan.average, data.breeds, model, settings.latent)
                state.store.clear()


class _State:
    """Where a run's state is kept: while it is unfinished, and after, for a run that differs by more steps alone."""

    def __init__(self, settings: Train, data: Crops, scratch: Path) -> None:
        self.settings, backend = settings, keras.backend.backend()
        self.decisive = fingerprint(settings, data, backend=backend)
        self.store = Checkpoints(scratch, self.decisive)
        self.finished: Checkpoints | None = None
        if settings.warm_start:
            any_steps = fingerprint(settings, data, backend=backend, without=frozenset({"steps"}))
            self.finished = Checkpoints(scratch, any_steps)

    def found(self) -> Checkpoint | None:
        """Return what to go on from."""
        found = self.store.latest()
        return self.finished.latest(self.settings.steps) if found is None and self.finished else found


def _train(run: Session, state: _State, workers: Workers, interruption: Interruption) -> None:
    """Take the run to its end, saving it on the way; or save it and leave, where somebody asks."""
    settings = run.settings
    for step in run.steps():
        asked = workers.maximum(interruption.asked or 0)
        if asked or (step % settings.checkpoint_every == 0 and step < settings.steps):
            run.saved_at = step
            if workers.chief:
                state.store.save(run.checkpoint(step))
        if asked:
            run.record.bar.close()  # so that what is said has a line of its own
            leave(asked, step, settings.steps)
    if workers.chief:
        if state.finished and run.stopped_at is None:
            state.finished.save(run.checkpoint(settings.steps))
        run.end()


def _hold_together(workers: Workers, decisive: str) -> None:
    """See that all workers train the same, by the fingerprints of what decides it."""
    other = workers.broadcast(decisive.encode()).decode() != decisive
    if worst := workers.maximum(workers.index if other else 0):
        raise PedigreeError(
            f"worker {worst} differs from the chief in params.yaml, data/crops, code or package versions: "
            "make them the same on all workers."
        )


def _with_precision(settings: Train, workers: Workers) -> Train:
    """Return the settings with `auto` replaced by the precision that the chief decides on, on all workers."""
    decided = workers.broadcast(precision.choose(settings.precision, find_device()).encode()).decode()
    return replace(settings, precision="bfloat16" if decided == "bfloat16" else "float32")


def _of_chief(found: Checkpoint | None, workers: Workers) -> Checkpoint | None:
    """Return the chief's checkpoint, on all workers."""
    return from_bytes(workers.broadcast(to_bytes(found))) if workers.count > 1 else found
