"""The champion's commit and a saved experiment hold what git and DVC know, and nothing that a killed stage has left."""

import sys
from pathlib import Path

import champion
import pytest
from isolation import clone, git

from flows.conftest import Bakery

REPORTS = """
  weigh:
    cmd: {python} weigh.py
    deps: [slices, weigh.py]
    outs:
      - notes:
          cache: false
    metrics:
      - weight.json:
          cache: false
"""
WEIGH = """
from pathlib import Path
Path("notes").mkdir()
Path("notes/heel.txt").write_text("hard")
Path("notes/größe.txt").write_text("large")
Path("weight.json").write_text("{}")
"""
RESULTS = {".gitignore", "dvc.lock", "notes/heel.txt", "notes/größe.txt", "weight.json"}


@pytest.fixture
def candidate(bakery: Bakery) -> Path:
    """A clone of the project of quick stages in which its stages ran for the first time, and one of them was killed."""
    (bakery.root / "weigh.py").write_text(WEIGH)
    with (bakery.root / "dvc.yaml").open("a") as stages:
        stages.write(REPORTS.format(python=sys.executable))
    bakery.run("git", "add", "--all")
    git(
        bakery.root,
        *("-c", "user.name=A", "-c", "user.email=a@example.org"),
        "commit",
        "--quiet",
        "--message",
        "Stages",
    )
    target = clone(bakery.root, bakery.root / "runs/candidate", bakery.root / "runs/state")
    Bakery(target).dvc("repro", "--quiet")
    (target / "slice.py").write_text((target / "slice.py").read_text() + "# changed\n")
    (target / ".bread.8x2k").mkdir()
    (target / ".bread.8x2k/half.jpg").write_text("of a killed stage")
    (target / "core.1234").write_text("of a killed stage")
    return target


def committed(root: Path, revision: str) -> set[str]:
    """Return the files that a commit adds or changes."""
    names = git(root, "-c", "core.quotePath=false", "diff", "--name-only", "HEAD", revision)
    return set(names.splitlines())


def test_a_promotion_commits_results_and_tracked_changes_and_no_left_overs(bakery: Bakery, candidate: Path) -> None:
    tag = champion.promote(bakery.root, candidate, "A champion", "its scores")
    assert committed(bakery.root, tag) == RESULTS | {"slice.py"}


def test_a_saved_experiment_has_the_same_files(bakery: Bakery, candidate: Path) -> None:
    name = champion.save_experiment(bakery.root, candidate, "a reason")
    (reference,) = git(bakery.root, "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").splitlines()
    assert committed(bakery.root, reference) - {".dvc/tmp/repro.dat"} == RESULTS | {"slice.py"}  # DVC commits its own


def test_a_result_that_git_ignores_is_left_out(bakery: Bakery, candidate: Path) -> None:
    with (candidate / ".git/info/exclude").open("a") as exclude:
        exclude.write("/notes\n")
    tag = champion.promote(bakery.root, candidate, "A champion", "its scores")
    assert committed(bakery.root, tag) == {".gitignore", "dvc.lock", "weight.json", "slice.py"}
