"""A project of its own: this tree copied, committed and cut down to three breeds, rebuilt once by real DVC."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT

BREEDS = ("n99000001-Ember_pointer", "n99000002-Snow_spitz", "n99000007-Midnight_longear")
SMALL = {
    "data.images": "small/images.tar",
    "data.annotations": "small/annotation.tar",
    "validate.breeds": 3,
    "validate.photos_per_breed": "[5,20]",
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
}


@dataclass(frozen=True)
class Project:
    """A checkout to run commands in."""

    root: Path

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of this virtual environment in the project, with the project's own code."""
        here = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root / "src"),
        }
        done = subprocess.run(command, cwd=self.root, env=here, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def rebuild(self, settings: Mapping[str, object]) -> None:
        """Run the stages that are due with these parameters, which then stand in params.yaml."""
        set_them = [part for key, value in settings.items() for part in ("--set-param", f"{key}={value}")]
        self.run("dvc", "exp", "run", *set_them)

    def ran(self, *arguments: str) -> list[str]:
        """Run `dvc repro` and return the stages that ran."""
        told = self.run("dvc", "repro", *arguments).stdout
        return [line.split("'")[1] for line in told.splitlines() if line.startswith("Running stage")]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project, committed, its pipeline run once and committed too."""
    project = new_project(tmp_path_factory.mktemp("pipeline") / "project")
    for name in ("images", "annotation"):
        cut_down(name, project.root)
    project.commit("The tree as it stands")
    project.rebuild(SMALL)
    project.commit("A first run")
    return project


def new_project(root: Path) -> Project:
    """Copy this tree to `root` and make it a repository of its own, with nothing committed yet."""
    project = Project(root)
    _copy_tree(root)
    project.run("git", "init", "--quiet", "--initial-branch=main")
    project.run("git", "config", "user.name", "Pedigree's tests")
    project.run("git", "config", "user.email", "tests@example.org")
    return project


def _copy_tree(target: Path) -> None:
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and not name.startswith(("bench/", "tests/")):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


def cut_down(name: str, root: Path) -> None:
    """Keep the first ten files of each of three breeds of the sample's archive, in `small/`."""
    source, target = ROOT / f"data/sample/{name}.tar", root / f"small/{name}.tar"
    target.parent.mkdir(exist_ok=True)
    with tarfile.open(source) as photos, tarfile.open(target, "w") as small:
        for breed in BREEDS:
            files = [member for member in photos if member.isfile() and f"/{breed}/" in member.name]
            for member in sorted(files, key=lambda member: member.name)[:10]:
                small.addfile(member, photos.extractfile(member))
