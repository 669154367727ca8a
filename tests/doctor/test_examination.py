"""`pedigree doctor`: a line for each check, what to do about problems, and an exit code for scripts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from pedigree.cli import main
from pedigree.doctor import examination, subprocesses
from pedigree.doctor.finding import Finding

WITHOUT_PACKAGES = (
    "import sys; sys.path.append(sys.argv[1]); from pedigree.cli import main; sys.exit(main(sys.argv[2:]))"
)
NEEDED = {"parameters", "packages", "backend", "memory", "disk", "weights", "pictures", "dvc", "remote", "locks", "git"}


def doctor(folder: Path, *python: str, **variables: str) -> tuple[int, dict[str, Any]]:
    """Run `pedigree doctor --json` in a folder; return its exit code and the finding of each check."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")} | variables
    command = [sys.executable, *(python or ("-m", "pedigree")), "doctor", "--json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert answer["ok"] == (done.returncode == 0)
    return done.returncode, {finding["check"]: finding for finding in answer["findings"]}


def test_a_new_clone_can_run_the_pipeline(project: Path) -> None:
    code, findings = doctor(project)
    assert code == 0, findings
    assert {*findings} >= NEEDED
    assert findings["backend"]["text"].startswith("Keras ")
    assert str(project) in findings["project"]["text"]


def test_without_any_package_it_names_what_is_missing(project: Path) -> None:
    code, findings = doctor(project, "-S", "-c", WITHOUT_PACKAGES, str(ROOT / "src"))
    assert code == 1
    assert findings["dvc"]["text"] == "DVC is not installed"
    assert findings["prefect"]["level"] == "note"
    assert findings["parameters"]["level"] == "problem"
    assert "pip install" in findings["pictures"]["remedy"]
    assert not any("itself failed" in finding["text"] for finding in findings.values())


def test_without_tensorflow_the_other_checks_still_run(project: Path, tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("raise ModuleNotFoundError(\"No module named 'tensorflow'\")\n")
    code, findings = doctor(project, PYTHONPATH=f"{ROOT / 'src'}{os.pathsep}{tmp_path}")
    assert code == 1
    assert "No module named 'tensorflow'" in findings["backend"]["text"]
    assert "make setup" in findings["backend"]["remedy"]
    assert "train.precision" in findings["precision"]["text"]
    assert findings["git"]["level"] == "fine"


@pytest.fixture
def no_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not import TensorFlow or Prefect: they take seconds, and these tests are about other findings."""
    answer = subprocesses.Answer({}, "", "not started")
    monkeypatch.setattr("pedigree.doctor.devices.ask", lambda *_: answer)
    monkeypatch.setattr("pedigree.doctor.prefect_server.ask", lambda *_: answer)


@pytest.mark.usefixtures("no_backend")
def test_outside_a_project_it_says_so_and_where_the_project_is(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, remedy in ((tmp_path, "→ run it in the folder"), (project / "data/sample", f"→ cd {project}\n")):
        monkeypatch.chdir(folder)
        assert main(["doctor"]) == 1
        output = capsys.readouterr().out
        assert output.startswith(f"problem  project     {folder} is no Pedigree project")
        assert remedy in output
        assert "python" in output


@pytest.mark.usefixtures("no_backend")
def test_fix_names_what_it_removes(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "reports/.pedigree-killed").mkdir(parents=True)
    monkeypatch.chdir(project)
    main(["doctor"])
    assert "note     left-overs  " in capsys.readouterr().out
    assert (project / "reports/.pedigree-killed").exists()
    main(["doctor", "--fix"])
    assert "removed reports/.pedigree-killed" in capsys.readouterr().out
    assert not (project / "reports/.pedigree-killed").exists()


@pytest.mark.usefixtures("no_backend")
def test_a_check_that_fails_hides_no_other(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> list[Finding]:
        raise ValueError("odd\nmachine")

    monkeypatch.setattr("pedigree.doctor.machine.read_memory", broken)
    findings = {finding.check: finding for finding in examination.examine(project)}
    assert findings["memory"].text == "the check itself failed: ValueError: odd machine"
    assert {*findings} >= NEEDED


def test_lines_are_aligned_and_the_summary_counts() -> None:
    findings = [Finding("git", "fine", "good"), Finding("parameters", "problem", "wrong", "correct it")]
    assert examination.as_text(findings).splitlines() == [
        "fine     git         good",
        "problem  parameters  wrong",
        "                     → correct it",
        "",
        "1 problem, 0 notes: the pipeline cannot run.",
    ]


def test_a_name_cannot_control_the_terminal() -> None:
    (line, *_) = examination.as_text([Finding("archives", "problem", "data.images: \x1b[2J\u202edog.tar")]).splitlines()
    assert line == r"problem  archives  data.images: \x1b[2J\u202edog.tar"


def test_a_probe_that_hangs_or_crashes_is_an_error_in_one_line() -> None:
    assert "0 seconds" in subprocesses.ask(["-c", "import time; time.sleep(60)"], 0.3).error
    assert "SIGABRT" in subprocesses.ask(["-c", "import os; os.abort()"], 60).error
    assert subprocesses.ask(["-c", "raise ValueError('a\\nb')"], 60).error
