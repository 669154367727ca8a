"""The train stage: from packed crops to a generator, going on exactly where it was interrupted."""

from contextlib import nullcontext
from pathlib import Path

import keras

from pedigree import generator
from pedigree.backends import make_engine
from pedigree.checkpoints import Checkpoint, Checkpoints, from_bytes, to_bytes
from pedigree.dataset import load_crops
from pedigree.errors import PedigreeError
from pedigree.fingerprint import fingerprint
from pedigree.interruption import interruptions, leave
from pedigree.session import Session
from pedigree.train_params import Train
from pedigree.workers import WorkerLostError, Workers


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
    data, backend = load_crops(crops), keras.backend.backend()
    decisive = fingerprint(settings, data, backend=backend)
    store = Checkpoints(scratch, decisive)
    # A finished run's state, for a run that differs from it by more steps alone.
    finished = Checkpoints(scratch, fingerprint(settings, data, backend=backend, without=frozenset({"steps"})))
    engine = make_engine(settings.devices)
    workers = engine.workers
    _hold_together(workers, decisive)
    with store.held() if workers.chief else nullcontext(), interruptions() as interruption:
        found = store.latest() if workers.chief else None
        if found is None and workers.chief and settings.warm_start:
            found = finished.latest(settings.steps)
        run = Session(settings, data, _of_chief(found, workers), engine, logs)
        with run.log:
            try:
                for step in run.steps():
                    asked = workers.highest(interruption.asked or 0)
                    if asked or (step % settings.checkpoint_every == 0 and step < settings.steps):
                        run.saved_at = step
                        if workers.chief:
                            store.save(run.checkpoint(step))
                    if asked:
                        run.record.bar.close()  # so that what is said has a line of its own
                        leave(asked, step, settings.steps)
                if not workers.chief:
                    return
                if settings.warm_start and run.stopped_at is None:
                    finished.save(run.checkpoint(settings.steps))
                run.end()
            except WorkerLostError as lost:
                raise PedigreeError(f"{lost}, and training goes on from step {run.saved_at}.") from lost
            finally:
                run.record.bar.close()
                if workers.chief:
                    run.record.write(reports / "history.csv")
            run.gallery.save(reports / "samples", reports / "training.gif")
            run.write_facts(reports / "training.json")
            generator.save(run.gan.average, data.breeds, model, settings.latent)
            store.clear()


def _hold_together(workers: Workers, decisive: str) -> None:
    """See that all workers train the same, by the fingerprints of what decides it."""
    other = workers.share(decisive.encode()).decode() != decisive
    if worst := workers.highest(workers.index if other else 0):
        raise PedigreeError(
            f"worker {worst} differs from the chief in params.yaml, data/crops, code or package versions: "
            "make them the same on all workers."
        )


def _of_chief(found: Checkpoint | None, workers: Workers) -> Checkpoint | None:
    """Return the chief's checkpoint, on all workers."""
    return from_bytes(workers.share(to_bytes(found))) if workers.count > 1 else found
