"""A project whose stages have run: a small generator, reports, a census and a dvc.lock that names them."""

import hashlib
import json
import shutil
from pathlib import Path

import keras
import pandas
import pytest
from conftest import ROOT
from ruamel.yaml import YAML

from pedigree.common.paths import CENSUS, CROP_FACTS, FINAL_SAMPLES, GENERATOR, METRICS, TRAINING_FACTS
from pedigree.generator.model import save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape
from pedigree.photos.census import COLUMNS, write_census

BREEDS = ("n90000001-Red_dog", "n90000002-Blue|<b>dog")
REPORTS = (METRICS, TRAINING_FACTS, CROP_FACTS, FINAL_SAMPLES)
HASH = {"unpack": "a" * 32, "crop": "c" * 32 + ".dir"}


def lock(root: Path) -> None:
    """Write the dvc.lock of the files at `root`."""

    def entries(*paths: Path) -> list[dict[str, str]]:
        return [
            {"path": path.as_posix(), "md5": hashlib.md5((root / path).read_bytes()).hexdigest()}  # noqa: S324
            for path in paths
        ]

    stages = {
        "unpack": {"deps": [{"path": "data/sample/images.tar", "md5": HASH["unpack"]}]},
        "crop": {"outs": [{"path": "data/crops", "md5": HASH["crop"]}]},
        "train": {"outs": entries(GENERATOR, TRAINING_FACTS)},
        "score": {"deps": entries(GENERATOR), "outs": entries(METRICS)},
    }
    with (root / "dvc.lock").open("w") as file:
        YAML().dump({"schema": "2.0", "stages": stages}, file)


def set_parameter(root: Path, section: str, key: str, value: object) -> None:
    path, yaml = root / "params.yaml", YAML()
    content = yaml.load(path)
    content[section][key] = value
    yaml.dump(content, path)


def set_scores(root: Path, scores: dict[str, object]) -> None:
    """Replace the scores, as a new run of the stage does."""
    (root / METRICS).write_text(json.dumps(scores))
    lock(root)


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("finished")
    keras.utils.set_random_seed(0)
    build = ARCHITECTURES["projection-dcgan"].build_generator
    save_generator(build(Shape(16, 3, 6, len(BREEDS), 4), LayerFactory(keras_only=True)), BREEDS, root / GENERATOR)
    for path in REPORTS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, root / path)
    shutil.copy(ROOT / "params.yaml", root)
    set_parameter(root, "data", "annotations", None)
    write_census(census(), root / CENSUS)
    lock(root)
    return root


def census() -> pandas.DataFrame:
    """Six photos of one breed, of which one is set aside, and four of the other, of which one is broken."""
    rows = []
    for breed, count, side, problem in ((BREEDS[0], 6, 100, "set aside: shows a *cat*"), (BREEDS[1], 4, 80, "cut")):
        for number in range(count):
            bad = problem if number == count - 1 else ""
            values: dict[str, object] = {name: kind() for name, kind in COLUMNS.items()}
            values |= {"photo": f"{breed}/{number}.jpg", "breed": breed, "usable": not bad, "problem": bad}
            rows.append(values | {"width": side + number, "height": side})
    return pandas.DataFrame(rows).astype(COLUMNS)


@pytest.fixture
def project(_finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as the present folder."""
    root = tmp_path / "project"
    shutil.copytree(_finished, root)
    monkeypatch.chdir(root)
    return root
