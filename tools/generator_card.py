"""The facts in the card of a shipped generator: how it was trained, and what `pedigree score` measured."""

import json
from pathlib import Path
from typing import Any

from pedigree.card.scores_table import with_errors
from pedigree.errors import PedigreeError
from pedigree.generator.model import Generator
from pedigree.results import metrics_file
from pedigree.score.page.by_judges import ByJudge, lay_out
from pedigree.settings import params, recipes
from pedigree.settings.section_yaml import value_text

BEGIN = "<!-- facts, written by tools/ship_generator.py -->"
END = "<!-- end of facts -->"
TRAINED = ("steps", "stopped_by", "kept_step", "images_per_second", "precision", "device")  # of training.json


def with_facts(card: Path, facts: str) -> str:
    """Return the text of a card with new facts between its two markers.

    Raises:
        PedigreeError: there is no such card, or it lacks a marker.
    """
    if not card.is_file():
        raise PedigreeError(f"{card} is not here: write it first, with the lines {BEGIN} and {END}.")
    before, begin, rest = card.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise PedigreeError(f"{card} needs the lines {BEGIN} and {END}, in this order.")
    return f"{before}{BEGIN}\n\n{facts}\n\n{END}{after}"


def facts(generator: Generator, size: int, metrics: Path, training: Path, params_file: Path) -> str:
    """Return the facts as two Markdown tables: how the generator was made, and its scores.

    Args:
        generator: the generator before its weights became float16.
        size: bytes of the shipped file.
        metrics: its `metrics.json`, with the numbers of at least two judges.
        training: its `training.json`.
        params_file: the parameters that it was trained with.

    Raises:
        PedigreeError: a file is missing or damaged, or there is only one judge.
    """
    scores = metrics_file.read(metrics)
    if len(scores) < 2:
        raise PedigreeError(f"{metrics} has the numbers of one judge only: name another in score.other_judges.")
    train, crop = params.load(params.Train, params_file), params.load(params.Crop, params_file)
    trained = _trained(training)
    if crop.size != generator.image_size or (not trained["stopped_by"] and trained["steps"] != train.steps):
        raise PedigreeError(f"{params_file} and {training} are not those of this generator: name its own files.")
    rows = _made(generator, size, next(iter(scores.values())), trained, train, crop)
    made = "\n".join(["| | |", "| --- | --- |", *(f"| {title} | {text} |" for title, text in rows.items())])
    return f"{made}\n\n{_scores(scores)}"


def _made(
    generator: Generator,
    size: int,
    numbers: metrics_file.Numbers,
    training: dict[str, Any],
    train: params.Train,
    crop: params.Crop,
) -> dict[str, str]:
    """Return how the generator was made: texts by title."""
    images = train.batch_size * train.discriminator_steps
    steps, kept = training["steps"], training["kept_step"]
    hours = steps * images / training["images_per_second"] / 3600
    return {
        "Breeds": f"{len(generator.breeds)}",
        "Pictures": f"{generator.image_size} × {generator.image_size} px",
        "Photos": f"{numbers['real']:,} crops to train on, {numbers['holdout']:,} held out for the scores",
        "Crops": _listed(_changed(crop, params.Crop())) or "the defaults",
        "Recipe": _recipe(train),
        "Training": f"{steps:,} steps in {hours:.1f} hours without scoring",
        "Device": f"{training['device']}, in {training['precision']}",
        "Kept": f"the generator of step {kept:,}, after {kept * images:,} real pictures",
        "Scored": f"{numbers['samples']:,} pictures",
        "Size": f"{size / 1e6:.1f} MB, with {generator.network.count_params():,} weights in float16",
    }


def _trained(path: Path) -> dict[str, Any]:
    """Read `training.json`."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {name: content[name] for name in TRAINED}
    except FileNotFoundError:
        raise PedigreeError(f"{path} is not here: `pedigree train` writes it.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise PedigreeError(f"{path} is not a file that `pedigree train` writes ({error!r}).") from None


def _recipe(train: params.Train) -> str:
    """Return the nearest recipe, and the parameters in which the training differs from it."""
    changes = {name: _changed(train, recipes.settings(name)) for name in recipes.names("train")}
    nearest = min(changes, key=lambda name: len(changes[name]))
    return " with ".join(filter(None, (f"`{nearest}`", _listed(changes[nearest]))))


def _changed(section: Any, base: Any) -> dict[str, Any]:
    """Return the parameters of a section that differ from those of another."""
    return {name: value for name, value in vars(section).items() if value != vars(base)[name]}


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"`{name}: {value_text(value)}`" for name, value in values.items())


def _scores(scores: metrics_file.Scores) -> str:
    """Return the table of the numbers by all judges; each is followed by what held-out photos reach."""
    numbers = lay_out({judge: with_errors(one) for judge, one in scores.items()})
    head = ["number, by", *scores]
    rows = [[row.title, *map(_cell, row.cells)] for row in numbers]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(cell: ByJudge) -> str:
    return f"{cell.value} (photos {cell.real})" if cell.real else cell.value or "–"
