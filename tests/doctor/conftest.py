"""A project as `git clone` gives it, before any run."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from doctor.projects import git

FILES = ("params.yaml", "dvc.yaml", "constraints.txt", "constraints-compute.txt", "data/sample/images.tar")
FILES = (*FILES, "data/sample/annotation.tar", ".dvc/config")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed project without its code, whose git knows only its own configuration."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    root = tmp_path / "project"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    git(root, "init", "--quiet")
    git(root, "config", "user.name", "Ann")
    git(root, "config", "user.email", "ann@example.org")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Project")
    return root
