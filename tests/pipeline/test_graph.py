"""The graph in dvc.yaml: five stages in order, every package that decides an output declared, nothing else."""

from pathlib import Path

import grimp
import pytest
from conftest import ROOT
from ruamel.yaml import YAML

from pedigree.train.resume.fingerprint import modules

STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
CHOSEN = {"train": ("backends", "networks")}  # imported by name: Keras's backend and the architecture
# Reads or checks parameters, which DVC tracks by value, or only speaks to people.
DECIDES_NOTHING = ("settings", "errors", "cli")


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """Which module of Pedigree imports which."""
    return grimp.build_graph("pedigree")


def ignored() -> list[str]:
    """Return the paths of code that `.dvcignore` leaves out of every stage's deps."""
    lines = (ROOT / ".dvcignore").read_text().splitlines()
    return [line.removeprefix("/") for line in lines if line.startswith("/src/")]


def package(module: str) -> str:
    """Return the package of Pedigree's that a module belongs to, or the module where it is in none."""
    return module.split(".")[1] if "." in module else ""


def declared(stage: str) -> set[str]:
    """Return the packages that a stage's deps name."""
    return {Path(dep).name for dep in STAGES[stage]["deps"] if dep.startswith("src/")}


def test_the_stages_are_the_five_of_the_design_in_order() -> None:
    assert list(STAGES) == ["unpack", "validate", "crop", "train", "score"]
    assert all(stage["cmd"] == f"python -m pedigree {name}" for name, stage in STAGES.items())


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_packages_it_runs(stage: str, imports: grimp.ImportGraph) -> None:
    entries = [f"pedigree.{stage}", *(f"pedigree.{name}" for name in CHOSEN.get(stage, ()))]
    modules = {module for entry in entries for module in (entry, *imports.find_descendants(entry))}
    reached = modules.union(*(imports.find_upstream_modules(module) for module in modules))
    assert declared(stage) == {package(module) for module in reached} - {*DECIDES_NOTHING, ""}


def test_the_fingerprint_of_training_covers_the_code_that_dvc_tracks_for_train() -> None:
    tracked = {file for name in declared("train") for file in (ROOT / "src/pedigree" / name).rglob("*.py")}
    left_out = {file for file in tracked for path in ignored() if file.is_relative_to(ROOT / path)}
    assert set(modules()) == tracked - left_out
    assert len(left_out) > 3


def test_what_dvcignore_leaves_out_is_there() -> None:
    assert [path for path in ignored() if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_only_its_own_parameters(stage: str) -> None:
    assert STAGES[stage]["params"] == (["data", "unpack"] if stage == "unpack" else [stage])


IN_CACHE = {"reports/scores.html", "reports/training.gif"}


def test_reports_are_kept_in_git_and_never_in_the_cache_but_for_the_large_ones() -> None:
    for stage in STAGES.values():
        for kind in ("outs", "metrics", "plots"):
            for output in stage.get(kind, []):
                name, options = next(iter(output.items())) if isinstance(output, dict) else (output, {})
                in_git = name.startswith("reports/") and name not in IN_CACHE
                assert in_git == (options.get("cache") is False), name
