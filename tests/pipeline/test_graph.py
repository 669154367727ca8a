"""The graph in dvc.yaml: five stages in order, every module that decides an output declared, nothing else."""

import ast
from pathlib import Path

import pytest
from conftest import ROOT
from ruamel.yaml import YAML

STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
SOURCE = ROOT / "src" / "pedigree"
ENTRY = {
    "unpack": "archives",
    "validate": "validation",
    "crop": "crops",
    "train": "training",
    "score": "scoring",
}
# What only speaks to people, reads parameters (tracked by value) or keeps an unfinished run decides no output.
SPEAKERS = {"errors", "params", "train_params", "progress", "quiet", "requirements", "walks", "__init__"}
SPEAKERS |= {"checkpoints", "fingerprint", "interruption"}
CHOSEN = {"train": ("backends", "networks")}  # imported by name, as Keras's backend and the recipe have it


def imported(module: Path) -> set[Path]:
    """Return the modules of this package that `module` imports, directly."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pedigree"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("pedigree")]
        for name in names:
            place = SOURCE.joinpath(*name.split(".")[1:])
            found |= {path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()}
    return found


def reached(module: Path) -> set[Path]:
    """Return all modules of this package that running `module` may run."""
    seen, due = set(), {module}
    while due:
        here = due.pop()
        seen.add(here)
        due |= imported(here) - seen if here.stem != "params" else set()
    return seen


def declared(stage: str) -> set[Path]:
    """Return the modules that a stage's deps name."""
    paths = [ROOT / dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")]
    return {file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])}


def test_the_stages_are_the_five_of_the_design_in_order() -> None:
    assert list(STAGES) == list(ENTRY)
    assert all(stage["cmd"] == f"python -m pedigree {name}" for name, stage in STAGES.items())


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_modules_it_runs(stage: str) -> None:
    entries = [
        SOURCE / f"{ENTRY[stage]}.py",
        *(file for name in CHOSEN.get(stage, ()) for file in (SOURCE / name).glob("*.py")),
    ]
    needed = {path for entry in entries for path in reached(entry) if path.stem not in SPEAKERS}
    told = {path for path in declared(stage) if path.stem not in SPEAKERS}
    assert needed - told == set(), "run but not declared"
    assert told - needed == set(), "declared but not run"


def test_touching_generate_reruns_nothing() -> None:
    everything = set().union(*(declared(stage) for stage in STAGES))
    assert not {path.name for path in everything} & {"generation.py", "cli.py", "__main__.py"}


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
