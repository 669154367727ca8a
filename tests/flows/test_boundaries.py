"""Flows know Prefect and DVC's graph. They name no stage and import no machine learning."""

import ast
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
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


def strings(module: Path) -> Iterator[str]:
    """Yield the strings in a module's code, without its docstrings."""
    tree = ast.parse(module.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("module", FLOWS, ids=lambda path: path.stem)
def test_flows_repeat_nothing_of_the_graph(module: Path) -> None:
    known = set(names())
    assert {"train", "data/raw", "reports/metrics.json", "crop"} <= known
    repeated = [
        text for text in strings(module) if text in known or any("/" in name and name in text for name in known)
    ]
    assert repeated == []


def test_flows_import_no_machine_learning() -> None:
    script = (
        "import sys; sys.path.insert(0, 'flows'); import rebuild, retrain, serve; "
        "print([name for name in ('tensorflow', 'keras', 'jax', 'great_expectations') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("value", ["[", "2026-13-45", "!!omap [{a: 1}, {a: 1}]", "[" * 100_000, "9" * 6_000])
def test_a_parameter_that_is_no_yaml_is_wrong_usage(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rebuild", "--param", f"train.steps={value}"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as end:
        import_module("rebuild").main()
    assert end.value.code == 2
    assert "--param expects a value in YAML" in capsys.readouterr().err


@pytest.mark.parametrize("flow", ["rebuild", "retrain", "serve"])
def test_help_shows_how_to_run_a_flow(
    flow: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [flow, "--help"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as end:
        import_module(flow).main()
    assert end.value.code == 0
    assert f"python flows/{flow}.py" in capsys.readouterr().out


def test_stages_are_choices_in_prefects_form() -> None:
    from prefect.utilities.callables import parameter_schema
    from rebuild import rebuild

    schema = parameter_schema(rebuild)
    for name in ("targets", "force"):
        (choices,) = [kind["items"]["enum"] for kind in schema.properties[name]["anyOf"] if "items" in kind]
        assert choices == list(STAGES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "tarin"], "argument --target: invalid choice: 'tarin' (choose from"),
        (["--force", "tarin"], "argument --force: invalid choice: 'tarin' (choose from"),
        (["--param", "train.seed"], "--param expects KEY=VALUE, such as train.steps=5000. Received: train.seed"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused_before_the_flow_starts(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rebuild", *arguments])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as end:
        import_module("rebuild").main()
    assert end.value.code == 2
    assert message in capsys.readouterr().err
