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


def test_another_clone_pulls_the_outputs_through_a_shared_folder(
    bakery: Bakery, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared = tmp_path_factory.mktemp("shared")
    bakery.dvc("repro", "--quiet")
    bakery.dvc("remote", "add", "--default", "shared", str(shared / "storage"))  # as docs/pipeline.md says
    bakery.run("git", "add", "--all")
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    git(bakery.root, *identity, "commit", "--quiet", "--message", "A shared remote")
    assert champion.push_outputs(bakery.root, bakery.root) == "2 files pushed"  # of three outputs, two are equal
    git(shared, "clone", "--quiet", str(bakery.root), "copy")
    assert not (shared / "copy/bread").exists()
    Bakery(shared / "copy").dvc("pull")
    assert [(shared / "copy" / name).read_text() for name in ("bread", "number")] == ["wheatwheat", "10"]


def test_a_remote_inside_the_checkout_is_known(bakery: Bakery, tmp_path: Path) -> None:
    assert champion.remote_in_checkout(bakery.root) is None
    bakery.dvc("remote", "add", "--default", "local", ".dvc/storage")
    assert champion.remote_in_checkout(bakery.root) == bakery.root / ".dvc/storage"
    for address in (str(tmp_path.parent / "elsewhere"), "s3://bucket/dogs", "https://example.org/dogs"):
        bakery.dvc("remote", "modify", "local", "url", address)
        assert champion.remote_in_checkout(bakery.root) is None
