"""`python -m pedigree`: it runs the code of the working directory with the versions pinned there, or says why not."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from conftest import ROOT

INSTALLED = version("keras")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m pedigree` in a folder, with this checkout first on Python's path."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "pedigree", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package whose version is 9.9.9."""
    shutil.copytree(ROOT / "src/pedigree", tmp_path / "src/pedigree", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "src/pedigree/__init__.py").write_text('__version__ = "9.9.9"\n')
    return tmp_path


def test_the_code_of_the_working_directory_runs(copy: Path) -> None:
    assert run(copy, "--version").stdout == "pedigree 9.9.9\n"


def test_its_processes_import_the_same_code(copy: Path) -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import pedigree; print(pedigree)'])\n"
    (copy / "src/pedigree/cli.py").write_text(script)
    assert str(copy / "src/pedigree") in run(copy, "--version").stdout


def test_without_code_in_the_working_directory_the_installed_code_runs(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout != "pedigree 9.9.9\n"
    assert run(tmp_path, "--version").returncode == 0


def test_arguments_and_exit_code_are_kept(copy: Path) -> None:
    result = run(copy, "generate", "--breed", "all", "--model", "my dogs.keras")
    assert result.returncode == 1
    assert "my dogs.keras" in result.stderr


def test_other_code_that_comes_first_on_pythons_path_is_refused(copy: Path) -> None:
    (copy / "pedigree").symlink_to(ROOT / "src/pedigree")
    result = run(copy, "--version")
    assert result.returncode == 1
    assert result.stderr.startswith(f"pedigree: expected the code in {copy}/src. Python has imported ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("pins", "refused"),
    [
        ("keras==3.0.0\n", True),
        (f"keras=={INSTALLED}\n", False),
        (f"keras=={INSTALLED} ; python_version < '4'\nkeras==99.0 ; python_version >= '4'\n", False),
        ("no-such-package==1.0\n", False),
    ],
    ids=["another version", "the same version", "one of two versions", "not installed"],
)
def test_another_version_than_pinned_is_refused(tmp_path: Path, pins: str, refused: bool) -> None:
    (tmp_path / "constraints-compute.txt").write_text(pins)
    result = run(tmp_path, "train")
    message = (
        f"pedigree train: keras {INSTALLED} is installed, but constraints-compute.txt pins 3.0.0. Run `make setup`"
    )
    assert result.returncode != 0  # there is no params.yaml
    assert (result.stderr.startswith(message), "params.yaml" in result.stderr) == (refused, not refused)


@pytest.mark.parametrize(("stage", "refused"), [("score", True), ("unpack", False)])
def test_only_the_stages_that_depend_on_versions_check_them(tmp_path: Path, stage: str, refused: bool) -> None:
    (tmp_path / "constraints-compute.txt").write_text("keras==3.0.0\n")
    assert ("is installed, but" in run(tmp_path, stage).stderr) == refused
