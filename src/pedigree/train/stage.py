"""The train stage: trains a generator on the packed crops, and resumes an interrupted run exactly."""

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from pedigree.backends import find_device, make_engine
from pedigree.common import paths
from pedigree.common.files import replacing_entries, write_text
from pedigree.common.packed_crops import load_crops
from pedigree.generator.model import save_generator
from pedigree.settings.train import Train
from pedigree.train.compatibility import biased_scores, check, check_device
from pedigree.train.drawing_task import DrawingTask
from pedigree.train.run import Run, chosen_precision, train_to_end
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
    workers = engine.workers
    with workers.session():
        check_device(settings, find_device())
        if workers.chief and (warning := biased_scores(settings)):
            print(f"pedigree train: {warning}", file=sys.stderr)
        settings = replace(settings, precision=chosen_precision(settings.precision, workers))
        run = Run(settings, data, settings.architecture, logs, scratch, warm_start=settings.warm_start)
        make_task = partial(DrawingTask, settings, data, engine)
        train_to_end(run, workers, make_task, partial(_write_outputs, model=model, reports=reports))


def _write_outputs(session: Session[DrawingTask], model: Path, reports: Path) -> None:
    """Write the generator and the reports. If one of them cannot be written, none is replaced."""
    task, settings = session.task, session.task.settings
    with replacing_entries(reports) as new:
        session.record.write(new / paths.HISTORY.name)
        task.gallery.save(new / paths.SAMPLES.name, new / paths.TRAINING_FILM.name)
        facts = {"architecture": settings.architecture} | session.facts() | task.facts()
        write_text(new / paths.TRAINING_FACTS.name, json.dumps(facts, indent=2) + "\n")
        save_generator(task.gan.average, task.data.breeds, model, settings.latent)
