"""The optional stage translate: trains a translator between two breeds by the loop of the train stage, and reports."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pedigree.backends import make_engine
from pedigree.backends.workers import cluster_addresses, process_count
from pedigree.common import paths
from pedigree.common.breeds import display_name
from pedigree.common.files import replacing_entries, write_text
from pedigree.common.packed_crops import load_crops
from pedigree.common.printable import printable
from pedigree.errors import UsageError
from pedigree.generator.translator import Translator, save_translator
from pedigree.metrics.estimate import Estimate
from pedigree.settings.translate import Translate
from pedigree.train.resume.fingerprint import PACKAGES
from pedigree.train.run import Run, chosen_precision, train_to_end
from pedigree.train.session import Session
from pedigree.translate import page
from pedigree.translate.evaluation import Direction, evaluate
from pedigree.translate.pair import pair_of
from pedigree.translate.translation_task import TranslationTask

COMMAND, REPRO = "translate", f"dvc repro {paths.TRANSLATION_PIPELINE.as_posix()}"


def translate(
    settings: Translate,
    crop: Mapping[str, Any],
    crops: Path = paths.CROPS,
    model: Path = paths.TRANSLATOR,
    reports: Path = paths.TRANSLATION,
    logs: Path = paths.TENSORBOARD,
    scratch: Path = paths.CHECKPOINTS,
    cache: Path = paths.FEATURES,
) -> None:
    """Train a translator between two breeds on their crops, save it to `model`, and report on held-out crops.

    An interrupted run resumes from its last checkpoint in `scratch`, and has the same results as an uninterrupted one.
    Outputs are only written at the end. A run that fails or is interrupted leaves those of the previous run.

    Args:
        settings: the `translate` section.
        crop: the parameters of `crop` that decide how a photo is cut. The model's file keeps them.
        crops: the folder of the packed crops.
        model: the file of the translator.
        reports: the folder for the reports.
        logs: the folder of TensorBoard logs; the run writes to a subfolder.
        scratch: the folder of checkpoints.
        cache: the folder of cached features.

    Raises:
        UsageError: the breeds are not two of the crops, several processes were started together, or the backend is not
            supported.
        PedigreeError: the crops are missing or too few, training diverges, or the same run is already running.
        SystemExit: 128 + the signal that interrupted training, after its state was saved.
    """
    _check_alone()
    pair = pair_of(load_crops(crops), settings.breeds)
    engine = make_engine("one")
    settings = replace(settings, precision=chosen_precision(settings.precision, engine.workers))
    run = Run(settings, pair, COMMAND, logs, scratch, COMMAND, REPRO, packages=(*PACKAGES, COMMAND))
    make_task = partial(TranslationTask, settings, pair, engine)
    train_to_end(run, engine.workers, make_task, partial(_write_outputs, crop, model, reports, cache))


def _check_alone() -> None:
    """Check that this process is to train alone.

    Raises:
        UsageError: it was started together with others.
    """
    if len(cluster_addresses()) > 1 or process_count() > 1:
        raise UsageError("translate trains on one device of one machine: start it once, without TF_CONFIG or JAX_*.")


def _write_outputs(
    crop: Mapping[str, Any], model: Path, reports: Path, cache: Path, session: Session[TranslationTask]
) -> None:
    """Write the translator and the reports. If one of them cannot be written, none is replaced."""
    task, facts = session.task, session.facts()
    directions = evaluate(Translator(task.gan.average, task.pair.breeds, crop), task.pair, cache)
    with replacing_entries(reports) as new:
        session.record.write(new / paths.TRANSLATION_HISTORY.name)
        task.gallery.save(new / paths.TRANSLATION_SAMPLES.name, new / paths.TRANSLATION_FILM.name)
        write_text(new / paths.TRANSLATION_FACTS.name, json.dumps(facts, indent=2) + "\n")
        write_text(new / paths.TRANSLATION_METRICS.name, metrics_json(directions))
        write_text(new / paths.TRANSLATION_PAGE.name, page.render(directions, facts["steps"]))
        save_translator(task.gan.average, task.pair.breeds, crop, model)
    print(printable(_summary(directions, reports)))


def metrics_json(directions: tuple[Direction, ...]) -> str:
    """Return the content of `metrics.json`: the numbers by direction, such as `to_Snow_spitz`."""
    return json.dumps({f"to_{display_name(each.target)}": _content(each) for each in directions}, indent=2) + "\n"


def _content(direction: Direction) -> dict[str, Any]:
    """Return numbers with six digits and their standard errors, in a list that DVC leaves out of its tables."""
    numbers = direction.numbers
    errors = {name: value.standard_error for name, value in numbers.items() if isinstance(value, Estimate)}
    rounded = {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in numbers.items()}
    return rounded | {"standard_error": [{name: float(f"{error:.3g}") for name, error in errors.items()}]}


def _summary(directions: tuple[Direction, ...], reports: Path) -> str:
    lines = [
        f"{display_name(one.source)} to {display_name(one.target)}: {one.numbers['breed_accuracy']:.0%} of "
        f"{one.numbers['crops']} held-out crops are taken for {display_name(one.target)} "
        f"({one.numbers['breed_accuracy_untranslated']:.0%} before). Fréchet distance to its photos: "
        f"{one.numbers['frechet_distance']:.0f} ({one.numbers['frechet_distance_untranslated']:.0f} before)."
        for one in directions
    ]
    return "\n".join([*lines, f"See {reports / paths.TRANSLATION_PAGE.name} for details."])
