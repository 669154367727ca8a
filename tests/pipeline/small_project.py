"""Projects for the tests: copies of this tree. The small one has three breeds, and its pipeline has run under DVC."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from filelock import FileLock

from pedigree.settings.overrides import override

BREEDS = ("n99000001-Ember_pointer", "n99000002-Snow_spitz", "n99000007-Midnight_longear")
SMALL = {
    "data.images": "small/images.tar",
    "data.annotations": "small/annotation.tar",
    "validate.breeds": 3,
    "validate.photos_per_breed": [5, 20],
    "crop.size": 16,
    "train.steps": 8,
    "train.batch_size": 4,
    "train.generator_batch_size": 4,
    "train.log_every": 2,
    "train.sample_every": 4,
    "train.score_every": 4,
    "train.score_samples": 16,
    "train.keep": "last",
    "score.samples": 12,
    "score.other_judges": [],
}
LEFT_OUT = ("bench/", "data/sample/", "reports/experiments/", "tests/")  # of the tree: nothing here reads it


@dataclass(frozen=True)
class Project:
    """A checkout to run commands in."""

    root: Path

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this virtual environment in the project, with the project's own code."""
        defaults = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root / "src"),
        }
        result = subprocess.run(
            command, cwd=self.root, env=os.environ | defaults | environment, capture_output=True, text=True, check=False
        )
        if check and result.returncode:
            output = f"{result.stdout}\n{result.stderr}"
            raise AssertionError(f"{' '.join(command)} exited with {result.returncode}:\n{output}")
        return result

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def override(self, settings: dict[str, Any]) -> None:
        """Write parameters to params.yaml."""
        override(settings, self.root / "params.yaml")

    def repro(self) -> list[str]:
        """Run `dvc repro` and return the stages that ran."""
        return ran(self.run("dvc", "repro").stdout)

    def copy_to(self, root: Path) -> "Project":
        """Copy everything, DVC's cache too, to a folder that does not exist yet."""
        shutil.copytree(self.root, root, symlinks=True)
        return Project(root)


def ran(output: str) -> list[str]:
    """Return the stages that ran by DVC's output."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def new_project(root: Path) -> Project:
    """Copy this tree to `root` and make it a repository of its own, with nothing committed yet."""
    project = Project(root)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and not name.startswith(LEFT_OUT):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    project.run("git", "init", "--quiet", "--initial-branch=main")
    project.run("git", "config", "user.name", "Pedigree's tests")
    project.run("git", "config", "user.email", "tests@example.org")
    return project


def small_project(factory: pytest.TempPathFactory) -> Project:
    """Return the small project, to read and to copy. It is built once in a test run; all workers share it."""
    return Project(_once(factory, "small-project", build))


def _once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """Return a folder that `build` has filled; all workers of pytest-xdist share it."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, unfinished = shared / name, shared / f"{name}-unfinished"
    with FileLock(shared / f"{name}.lock"):
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            build(unfinished)
            unfinished.rename(folder)
    return folder


def build(root: Path) -> None:
    project = new_project(root)
    for name in ("images", "annotation"):
        _cut_down(name, root)
    project.override(SMALL)
    project.commit("The tree as it stands")
    project.repro()
    project.commit("A first run")


def _cut_down(name: str, root: Path) -> None:
    """Keep the first ten files of each of three breeds of the sample's archive, in `small/`."""
    source, target = ROOT / f"data/sample/{name}.tar", root / f"small/{name}.tar"
    target.parent.mkdir(exist_ok=True)
    with tarfile.open(source) as photos, tarfile.open(target, "w") as small:
        for breed in BREEDS:
            files = [member for member in photos if member.isfile() and f"/{breed}/" in member.name]
            for member in sorted(files, key=lambda member: member.name)[:10]:
                small.addfile(member, photos.extractfile(member))
