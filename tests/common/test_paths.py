"""Paths: each stands in one module, and is the one that dvc.yaml and .gitignore know."""

import ast
import re
from pathlib import Path

import pytest
from conftest import ROOT
from ruamel.yaml import YAML

from pedigree.common import paths

PATHS = {value.as_posix() for value in vars(paths).values() if isinstance(value, Path)}
REPORTS = {Path(path).name for path in PATHS if path.startswith("reports/")}
LITERAL = re.compile(r"(data|models|reports|runs)(/[\w.-]+)*|params\.yaml")
SOURCES = [file for file in (ROOT / "src").rglob("*.py") if file.name != "paths.py"]


def literals(source: str) -> list[str]:
    """The strings of a module that are paths of the project, where they are passed to `Path` or joined by `/`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Path":
            found += node.args
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            found += [node.left, node.right]
    return [
        node.value
        for node in found
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and (LITERAL.fullmatch(node.value) or node.value in REPORTS)
    ]


def test_the_search_finds_a_path_written_out() -> None:
    assert literals('a = Path("data/raw")\nb = reports / "metrics.json"\nc = Path("dogs.png")') == [
        "data/raw",
        "metrics.json",
    ]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_other_module_writes_a_path_out(file: Path) -> None:
    assert literals(file.read_text()) == []


def test_what_the_graph_writes_is_among_them() -> None:
    files = (ROOT / "dvc.yaml", ROOT / "src/pedigree/translate/pipeline.yaml")
    stages = [stage for file in files for stage in YAML(typ="safe").load(file.read_text())["stages"].values()]
    entries = [entry for stage in stages for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, ())]
    outputs = {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}
    assert len(outputs) > 10
    assert outputs <= PATHS
