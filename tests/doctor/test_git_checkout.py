"""Git: no checkout, no user, a shallow clone, and champions whose tag and branch do not fit."""

import shutil
import subprocess
from pathlib import Path

import pytest

from doctor.projects import git, of
from pedigree.doctor import git_checkout


def test_a_complete_checkout_is_fine(project: Path) -> None:
    findings = git_checkout.check(project, required=True)
    assert [finding.level for finding in findings] == ["fine", "fine"]
    assert of("git", findings).text == "commits are by Ann <ann@example.org>"


@pytest.mark.parametrize(("required", "level"), [(True, "problem"), (False, "note")])
def test_a_folder_that_is_no_checkout_is_a_problem_if_dvc_needs_git(project: Path, required: bool, level: str) -> None:
    shutil.rmtree(project / ".git")
    finding = of("git", git_checkout.check(project, required))
    assert (finding.level, finding.text[:34]) == (level, "this folder is no git checkout: fa")


def test_a_missing_name_or_address_is_named(project: Path) -> None:
    git(project, "config", "--unset", "user.email")
    finding = of("git", git_checkout.check(project, required=True))
    assert (finding.level, finding.remedy) == ("note", "git config --global user.email …")


def test_a_shallow_clone_is_named(project: Path, tmp_path: Path) -> None:
    git(project, "commit", "--allow-empty", "--message", "Second")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", project.as_uri(), clone], check=True)
    git(clone, "config", "user.name", "Ann")
    git(clone, "config", "user.email", "ann@example.org")
    assert "git fetch --unshallow" in of("git", git_checkout.check(clone, required=True)).remedy


def test_a_tag_and_a_branch_that_do_not_fit_are_named_with_the_way_back(project: Path) -> None:
    def level() -> str:
        return of("champion", git_checkout.check(project, required=True)).level

    git(project, "tag", "champion")
    assert level() == "note"  # no branch
    git(project, "branch", "champions")
    assert level() == "fine"
    git(project, "commit", "--allow-empty", "--message", "Second")
    git(project, "branch", "--force", "champions")
    finding = of("champion", git_checkout.check(project, required=True))
    assert "retrain cannot promote" in finding.text
    subprocess.run(finding.remedy.partition(",")[0].split(), cwd=project, check=True)
    assert level() == "fine"
    git(project, "tag", "--delete", "champion")
    assert level() == "note"
