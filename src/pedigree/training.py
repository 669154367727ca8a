"""The train stage: from packed crops to a generator, going on exactly where it was interrupted."""

from pathlib import Path

import keras

from pedigree import generator
from pedigree.checkpoints import Checkpoints
from pedigree.dataset import load_crops
from pedigree.fingerprint import fingerprint
from pedigree.interruption import interruptions, leave
from pedigree.session import Session
from pedigree.train_params import Train


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

    Raises:
        PedigreeError: where the crops are missing, training diverges, or the same run is running already; the model
            there was is kept.
        SystemExit: 128 + the signal that interrupted it, once its state is saved.
    """
    data, backend = load_crops(crops), keras.backend.backend()
    store = Checkpoints(scratch, fingerprint(settings, data, backend=backend))
    # A finished run's state, for a run that differs from it by more steps alone.
    finished = Checkpoints(scratch, fingerprint(settings, data, backend=backend, without=frozenset({"steps"})))
    with store.held(), interruptions() as interruption:
        found = store.latest() or (finished.latest(settings.steps) if settings.warm_start else None)
        run = Session(settings, data, found, logs)
        with run.log:
            try:
                for step in run.steps():
                    due = step % settings.checkpoint_every == 0 and step < settings.steps
                    if due or interruption.asked is not None:
                        store.save(run.checkpoint(step))
                    if interruption.asked is not None:
                        leave(interruption.asked, step, settings.steps)
                if settings.warm_start and run.stopped_at is None:
                    finished.save(run.checkpoint(settings.steps))
                run.end()
            finally:
                run.record.write(reports / "history.csv")
            run.gallery.save(reports / "samples", reports / "training.gif")
            run.write_facts(reports / "training.json")
            generator.save(run.gan.average, data.breeds, model, settings.latent)
            store.clear()
