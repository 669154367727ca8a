"""Isolation: a clone shares the cache and the remotes, gets the current data, and leaves the checkout alone."""

import contextlib
import shutil
from pathlib import Path

import pytest
from conftest import ROOT
from dvc.repo import Repo
from isolation import CommandError, bring_data, clone, dvc, git
from stages import open_repo

from flows.conftest import Bakery
from pedigree.settings.overrides import override


@pytest.fixture(scope="module")
def committed(new_bakery: Bakery, tmp_path_factory: pytest.TempPathFactory) -> Bakery:
    """A project whose photos are imported and have changed since, and whose annotations DVC tracks. To be copied."""
    project = Bakery(tmp_path_factory.mktemp("committed") / "project")
    photos = tmp_path_factory.mktemp("elsewhere") / "photos.tar"
    photos.write_text("first photos")
    shutil.copytree(new_bakery.root, project.root)
    shutil.copy(ROOT / "params.yaml", project.root / "params.yaml")
    override({"data.images": "in/images.tar", "data.annotations": "in/annotation.tar"}, project.root / "params.yaml")
    (project.root / "dvc.yaml").unlink()
    (project.root / "in").mkdir()
    (project.root / "in/annotation.tar").write_text("first boxes")
    with contextlib.chdir(project.root), Repo() as repo:
        repo.imp_url(str(photos), "in/images.tar")
        repo.add("in/annotation.tar")
    project.dvc("remote", "add", "--quiet", "--default", "here", ".dvc/storage")
    project.run("git", "config", "user.name", "Pedigree's tests")
    project.run("git", "config", "user.email", "tests@example.org")
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message", "Data")
    photos.write_text("new photos")
    return project


@pytest.fixture
def project(committed: Bakery, tmp_path: Path) -> Bakery:
    """A copy of that project."""
    shutil.copytree(committed.root, tmp_path / "project")
    return Bakery(tmp_path / "project")


def test_imports_are_updated_changed_archives_are_copied_and_the_checkout_stays(
    project: Bakery, tmp_path: Path
) -> None:
    (project.root / "in/annotation.tar").write_text("new boxes")
    before = project.run("git", "status", "--porcelain"), (project.root / "in/images.tar").read_text()
    target = clone(project.root, tmp_path / "clone", project.root / "runs/state")
    assert sorted(bring_data(project.root, target)) == ["in/annotation.tar.dvc", "in/images.tar.dvc"]
    assert (target / "in/images.tar").read_text() == "new photos"
    assert (target / "in/annotation.tar").read_text() == "new boxes"
    assert (project.root / "in/annotation.tar").read_text() == "new boxes"
    assert (project.run("git", "status", "--porcelain"), (project.root / "in/images.tar").read_text()) == before


def test_a_clone_shares_cache_remotes_and_scratch_with_the_checkout(project: Bakery, tmp_path: Path) -> None:
    target = clone(project.root, tmp_path / "clone", project.root / "runs/state")
    with open_repo(target) as copy, open_repo(project.root) as checkout:
        assert copy.cache.local_cache_dir == checkout.cache.local_cache_dir
        assert copy.config["remote"]["here"]["url"] == str(project.root / ".dvc/storage")
    dvc(target, "checkout", "--quiet")
    assert (target / "in/annotation.tar").read_text() == "first boxes"
    dvc(target, "push", "--quiet")
    assert list((project.root / ".dvc/storage").rglob("*"))
    (target / "runs/mark").write_text("outlives the clone")
    clone(project.root, target, project.root / "runs/state")
    assert (target / "runs/mark").read_text() == "outlives the clone"
    assert git(target, "status", "--porcelain") == ""


def test_a_failed_command_is_an_error_with_its_last_message(project: Bakery) -> None:
    with pytest.raises(CommandError, match="git rev-parse --verify nothing: fatal: Needed a single revision"):
        git(project.root, "rev-parse", "--verify", "nothing")
