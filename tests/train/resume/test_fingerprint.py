"""The fingerprint of a run: it changes with everything that results depend on, and with nothing else."""

import copy
import dataclasses
import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

from pedigree.common.packed_crops import Crops, load_crops
from pedigree.settings import params
from pedigree.settings.train import Train
from pedigree.train.pretrained import VARIANT
from pedigree.train.resume.fingerprint import IGNORED_PARAMETERS, fingerprint, modules

SOURCE = ROOT / "src" / "pedigree"
VERSIONS = {"keras": "3.15.1", "tensorflow": "2.21.0"}


@pytest.fixture
def train() -> Train:
    return params.load(Train, ROOT / "params.yaml")


@pytest.fixture
def crops(crops_folder: Path) -> Crops:
    return load_crops(crops_folder)


def of(train: Train, crops: Crops, **others: Any) -> str:
    return fingerprint(train, crops, **{"backend": "tensorflow", "versions": VERSIONS} | others)


def with_other(train: Train, name: str) -> Train:
    """Return a copy with another value of one parameter, even if it cannot be combined with the others."""
    value = getattr(train, name)
    others = {bool: lambda: not value, str: lambda: value + "-2", list: lambda: [*value, value[0]]}
    changed = copy.copy(train)
    object.__setattr__(changed, name, others.get(type(value), lambda: (value or 0) + 1)())
    return changed


def test_the_hash_of_the_pretrained_weights_is_in_the_code_that_counts() -> None:
    assert any(VARIANT.sha256 in path.read_text() for path in modules())


def test_it_is_short_enough_for_a_folder_name_and_always_the_same(train: Train, crops: Crops) -> None:
    assert of(train, crops) == of(copy.deepcopy(train), copy.deepcopy(crops))
    assert len(of(train, crops)) == 32
    assert set(of(train, crops)) <= set("0123456789abcdef")


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Train)])
def test_every_parameter_changes_it_except_those_that_only_decide_when_state_is_saved(
    train: Train, crops: Crops, name: str
) -> None:
    assert (of(with_other(train, name), crops) == of(train, crops)) == (name in IGNORED_PARAMETERS)


def test_an_ignored_parameter_does_not_change_it_but_ignoring_it_does(train: Train, crops: Crops) -> None:
    longer, ignored = with_other(train, "steps"), frozenset({"steps"})
    assert of(longer, crops, ignored=ignored) == of(train, crops, ignored=ignored) != of(train, crops)
    assert of(with_other(train, "seed"), crops, ignored=ignored) != of(train, crops, ignored=ignored)


@pytest.mark.parametrize("name", ["train_images", "train_labels", "holdout_images", "holdout_labels"])
def test_one_pixel_or_label_anywhere_changes_it(train: Train, crops: Crops, name: str) -> None:
    for place in (0, -1):
        array = np.array(getattr(crops, name))
        array.reshape(-1)[place] ^= 1
        assert of(train, dataclasses.replace(crops, **{name: array})) != of(train, crops)


def test_images_in_another_order_shape_or_split_change_it(train: Train, crops: Crops) -> None:
    pictures = crops.train_images
    swapped = {"train_images": crops.holdout_images, "holdout_images": crops.train_images}
    for others in ({"train_images": pictures[::-1]}, {"train_images": pictures.reshape(3, 32, 32, 3)}, swapped):
        assert of(train, dataclasses.replace(crops, **others)) != of(train, crops)


def test_hashing_an_array_in_pieces_gives_the_hash_of_the_whole(train: Train, crops: Crops, monkeypatch) -> None:
    whole = of(train, crops)
    monkeypatch.setattr("pedigree.train.resume.fingerprint.CHUNK", 1000)
    assert of(train, crops) == whole


def test_the_names_and_order_of_breeds_change_it(train: Train, crops: Crops) -> None:
    for breeds in (("n90000001-Red", "n90000002-Azure"), crops.breeds[::-1]):
        assert of(train, dataclasses.replace(crops, breeds=breeds)) != of(train, crops)


def test_backend_and_versions_change_it_but_not_the_order_of_versions(train: Train, crops: Crops) -> None:
    assert of(train, crops, backend="jax") != of(train, crops)
    assert of(train, crops, versions=VERSIONS | {"keras": "3.15.2"}) != of(train, crops)
    assert of(train, crops, versions=VERSIONS | {"precision": "bfloat16"}) != of(train, crops)
    assert of(train, crops, versions=dict(reversed(VERSIONS.items()))) == of(train, crops)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return shutil.copytree(SOURCE, tmp_path / "pedigree", ignore=shutil.ignore_patterns("__pycache__"))


def test_one_byte_of_any_module_that_training_runs_changes_it(train: Train, crops: Crops, source: Path) -> None:
    before = of(train, crops, source=source)
    assert before == of(train, crops)
    for module in modules(source):
        content = module.read_bytes()
        module.write_bytes(content + b"\n")
        assert of(train, crops, source=source) != before, module
        module.write_bytes(content)


def test_modules_that_training_does_not_run_do_not_change_it(train: Train, crops: Crops, source: Path) -> None:
    before = of(train, crops, source=source)
    for module in (
        "cli.py",
        "drawing/generating.py",
        "validate/stage.py",
        "score/page/figures.py",
        "train/resume/checkpoints.py",
    ):
        with (source / module).open("a") as file:
            file.write("\n")
    assert of(train, crops, source=source) == before


@pytest.fixture(scope="module")
def importing() -> tuple[dict[str, str], list[Path]]:
    """Return the library versions in a process that imports training, and the files of this package that it loads."""
    program = """
import json, sys
import pedigree.train.stage
from pedigree.train.resume.fingerprint import library_versions
files = [module.__file__ for name, module in sys.modules.items() if name.startswith("pedigree")]
print(json.dumps([library_versions("tensorflow"), files]))
"""
    output = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True).stdout
    versions, files = json.loads(output)
    return versions, [Path(file) for file in files]


def test_every_module_that_training_imports_counts(importing) -> None:
    without_effect = {
        SOURCE / "settings",
        SOURCE / "train/resume",
        SOURCE / "common/progress.py",
    }
    loaded = {file for file in importing[1] if file.parent != SOURCE}
    assert {file for file in loaded - set(modules()) if not without_effect & {file, *file.parents}} == set()


def test_all_networks_and_backends_count_because_they_are_imported_by_name() -> None:
    assert {*(SOURCE / "networks").glob("*.py"), *(SOURCE / "backends").glob("*.py")} <= set(modules())


def test_versions_are_those_installed(importing) -> None:
    assert importing[0] == {name: version(name) for name in ("keras", "numpy", "tensorflow")}
