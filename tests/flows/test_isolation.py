"""Isolation: a clone shares cache and remote, gets the data as they are now, and leaves the checkout alone."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT
from isolation import CommandError, bring_data, clone, dvc, git
from stages import opened

from flows.conftest import Bakery
from pedigree.settings.overrides import override


@pytest.fixture
def project(bakery: Bakery, tmp_path_factory: pytest.TempPathFactory) -> Bakery:
    """A project whose photos are imported from elsewhere and whose annotations DVC tracks."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "photos.tar"
    elsewhere.write_text("first photos")
    shutil.copy(ROOT / "params.yaml", bakery.root / "params.yaml")
    override({"data.images": "in/images.tar", "data.annotations": "in/annotation.tar"}, bakery.root / "params.yaml")
    (bakery.root / "dvc.yaml").unlink()
    (bakery.root / "in").mkdir()
    (bakery.root / "in/annotation.tar").write_text("first boxes")
    bakery.dvc("import-url", "--quiet", str(elsewhere), "in/images.tar")
    bakery.dvc("add", "--quiet", "in/annotation.tar")
    bakery.dvc("remote", "add", "--quiet", "--default", "here", ".dvc/storage")
    bakery.run("git", "config", "user.name", "Pedigree's tests")
    bakery.run("git", "config", "user.email", "tests@example.org")
    bakery.run("git", "add", "--all")
    bakery.run("git", "commit", "--quiet", "--message", "Data")
    elsewhere.write_text("new photos")
    return bakery


def test_imports_are_updated_and_changed_files_brought_and_the_checkout_stays(project: Bakery, tmp_path: Path) -> None:
    (project.root / "in/annotation.tar").write_text("new boxes")
    before = project.run("git", "status", "--porcelain"), (project.root / "in/images.tar").read_text()
    target = clone(project.root, project.root.parent / f"{tmp_path.name}-clone", project.root / "runs/state")
    assert sorted(bring_data(project.root, target)) == ["in/annotation.tar.dvc", "in/images.tar.dvc"]
    assert (target / "in/images.tar").read_text() == "new photos"
    assert (target / "in/annotation.tar").read_text() == "new boxes"
    assert (project.root / "in/annotation.tar").read_text() == "new boxes"
    assert (project.run("git", "status", "--porcelain"), (project.root / "in/images.tar").read_text()) == before


def test_cache_remote_and_scratch_are_the_checkouts(project: Bakery, tmp_path: Path) -> None:
    target = clone(project.root, project.root.parent / f"{tmp_path.name}-clone", project.root / "runs/state")
    with opened(target) as theirs, opened(project.root) as ours:
        assert theirs.cache.local_cache_dir == ours.cache.local_cache_dir
        assert theirs.config["remote"]["here"]["url"] == str(project.root / ".dvc/storage")
    dvc(target, "checkout", "--quiet")
    assert (target / "in/annotation.tar").read_text() == "first boxes"
    dvc(target, "push", "--quiet")
    assert list((project.root / ".dvc/storage").rglob("*"))
    (target / "runs/mark").write_text("outlives the clone")
    clone(project.root, target, project.root / "runs/state")
    assert (target / "runs/mark").read_text() == "outlives the clone"
    assert git(target, "status", "--porcelain") == ""


def test_a_command_that_fails_says_what_it_said_last(project: Bakery) -> None:
    with pytest.raises(CommandError, match="git rev-parse --verify nothing: fatal: Needed a single revision"):
        git(project.root, "rev-parse", "--verify", "nothing")
