"""The command `pedigree card`: a folder for the Hugging Face Hub, written from the files of a scored pipeline."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedigree.card import front_matter, origins, scores_table
from pedigree.card.markdown import environment
from pedigree.card.photo_facts import read_photo_facts
from pedigree.common import json_text
from pedigree.common.files import replacing_folder, write_text
from pedigree.common.paths import CENSUS, CROP_FACTS, FINAL_SAMPLES, GENERATOR, METRICS, PARAMS
from pedigree.common.plurals import plural
from pedigree.errors import PedigreeError
from pedigree.export.formats import FORMATS
from pedigree.export.handover import check_new, example, facts, write_network
from pedigree.generator.model import Generator, load_generator
from pedigree.pages.wording import breed_name
from pedigree.results import metrics_file
from pedigree.settings import params

SAMPLES, CARD, DATASET, SPACE = "samples.png", "README.md", "dataset", "space"
_SPACE_FILES = ("app.py", "generator.py", "requirements.txt")


@dataclass(frozen=True)
class _Project:
    """What the cards say, read from the files of a project.

    Attributes:
        name: of the model, that of the folder.
        title: of the photos, that of their archive.
        license: the parameter `data.license`.
        scores: `metrics.json`.
        origin: `origins.rows`.
        parameters: `origins.parameters`.
    """

    name: str
    title: str
    license: str | None
    scores: metrics_file.Scores
    origin: dict[str, str]
    parameters: str


def write_cards(to: Path, root: Path = Path()) -> str:
    """Write the folder `to`; return a summary.

    It has the model card `README.md`, the generator as a Keras file, `breeds.json` and `samples.png`; the dataset card
    in `dataset/`; and in `space/` a Space that draws with the generator.

    Args:
        to: the folder to write; it must not exist or be empty.
        root: the project's folder, with the results of all stages.

    Raises:
        UsageError: `to` has files, or `params.yaml` is wrong.
        PedigreeError: a result is missing, damaged or of another run, or the generator cannot be exported.
    """
    check_new(to)
    FORMATS["onnx"].check_installed()
    project = _read(to.resolve().name, root)
    dataset = _dataset_card(project, root)
    generator = load_generator(root / GENERATOR)
    with replacing_folder(to) as folder:
        for kind, place in (("keras", folder), ("onnx", folder / SPACE)):
            place.mkdir(exist_ok=True)
            write_network(generator, root / GENERATOR, place, FORMATS[kind])
        shutil.copyfile(root / FINAL_SAMPLES, folder / SAMPLES)
        write_text(folder / CARD, _model_card(project, generator))
        write_text(folder / DATASET / CARD, dataset)
        _write_space(project, folder / SPACE)
    breeds = plural(len(generator.breeds), "breed")
    return f"{to}: model card, dataset card and Space, {breeds}. Read them before you publish them."


def _read(name: str, root: Path) -> _Project:
    stages, data = origins.read_lock(root), params.load(params.Data, root / PARAMS)
    if not (root / FINAL_SAMPLES).is_file():
        raise PedigreeError(f"{FINAL_SAMPLES} is not here: run `dvc repro`.")
    return _Project(
        name,
        front_matter.slug(Path(data.images).name.partition(".")[0]),
        data.license,
        metrics_file.read(root / METRICS),
        origins.rows(root, stages),
        origins.parameters(root),
    )


def _model_card(project: _Project, generator: Generator) -> str:
    scores = scores_table.read_scores(project.scores)
    head = front_matter.model_fields(project.name, project.title, project.license, scores)
    values = {
        **facts(generator),
        **vars(project),
        "breeds": [breed_name(breed) for breed in generator.breeds],
        "example": example(FORMATS["keras"], generator),
        "rows": scores_table.table(scores),
        "scored": scores_table.scored(project.scores),
        "biased": [judge for judge, numbers in project.scores.items() if numbers.get(metrics_file.BIAS)],
        "verdicts": list(scores_table.verdicts(project.scores)),
    }
    return _rendered("model.md", head, values)


def _dataset_card(project: _Project, root: Path) -> str:
    photos = read_photo_facts(root / CENSUS)
    values = {
        **vars(project),
        "facts": photos,
        "crops": _crop_facts(root / CROP_FACTS),
        "archives": {kind: project.origin[kind] for kind in ("Photos", "Annotations")},
    }
    return _rendered("dataset.md", front_matter.dataset_fields(project.title, project.license, photos.photos), values)


def _write_space(project: _Project, folder: Path) -> None:
    """Write the Space beside the exported network."""
    for name in _SPACE_FILES:
        write_text(folder / name, environment().get_template(f"space/{name}.jinja").render())
    (version,) = re.findall(r"^gradio==(.+)$", (folder / "requirements.txt").read_text(), re.MULTILINE)
    head = front_matter.space_fields(project.name, project.license, version)
    write_text(folder / CARD, _rendered("space/README.md", head, vars(project)))


def _rendered(template: str, head: dict[str, Any], values: dict[str, Any]) -> str:
    """Return a card: its front matter, and a template with values."""
    return front_matter.dumped(head) + environment().get_template(template).render(values)


def _crop_facts(path: Path) -> dict[str, Any]:
    """Read `crops.json`."""
    try:
        content: dict[str, Any] = json_text.parse(path.read_bytes())
        facts = {name: content[name] for name in ("crops", "photos", "skipped")}
        sides = [facts[name][side] for name in ("crops", "photos") for side in ("train", "holdout")]
        if wrong := [number for number in (*sides, *facts["skipped"].values()) if type(number) is not int]:
            raise ValueError(f"expected a whole number. Received: {str(wrong[0])[:60]!r}")
    except FileNotFoundError:
        raise PedigreeError(f"{path} is not here: run `dvc repro`.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PedigreeError(f"{path} is not a file that `pedigree crop` writes ({error!r}).") from None
    return facts
