"""What flows may know: Prefect and DVC's graph, not the stages in it, and no machine learning."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from ruamel.yaml import YAML

FLOWS = sorted((ROOT / "flows").glob("*.py"))
STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]


def names() -> Iterator[str]:
    """Yield the names of stages, and the paths and parameters they name, of dvc.yaml."""
    for name, stage in STAGES.items():
        yield name
        yield from (part for part in stage["deps"] if "$" not in part)
        yield from stage["params"]
        for kind in ("outs", "metrics", "plots"):
            yield from (next(iter(out)) if isinstance(out, dict) else out for out in stage.get(kind, []))


def texts(module: Path) -> Iterator[str]:
    """Yield the texts in a module's code: not its comments and docstrings."""
    tree = ast.parse(module.read_text())
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


@pytest.mark.parametrize("module", FLOWS, ids=lambda path: path.stem)
def test_flows_repeat_nothing_of_the_graph(module: Path) -> None:
    known = set(names())
    assert {"train", "data/raw", "reports/metrics.json", "crop"} <= known
    assert [
        text for text in texts(module) if text in known or any("/" in name and name in text for name in known)
    ] == []


def test_flows_import_no_machine_learning() -> None:
    script = (
        "import sys; sys.path.insert(0, 'flows'); import rebuild, retrain, serve; "
        "print([name for name in ('tensorflow', 'keras', 'jax', 'great_expectations') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("flow", ["rebuild", "retrain", "serve"])
def test_help_says_what_a_flow_does(flow: str) -> None:
    done = subprocess.run([sys.executable, f"flows/{flow}.py", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert f"python flows/{flow}.py" in done.stdout
