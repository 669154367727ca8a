"""The pipeline under real DVC: rebuilt once, idle after, rerun from what changed, diffed without a cache.

The tests share one project and run in order; each commits or undoes what it changes.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pedigree.generator.model import breeds_of
from pipeline.conftest import BREEDS, Project


@contextmanager
def touched(path: Path) -> Iterator[None]:
    """Add a comment to a file for a while."""
    before = path.read_text()
    path.write_text(before + "\n# touched\n")
    try:
        yield
    finally:
        path.write_text(before)


def test_a_run_leaves_what_the_design_says(project: Project) -> None:
    assert breeds_of(project.root / "models/generator.keras") == BREEDS
    images = np.load(project.root / "data/crops/train-images.npy")
    assert images.shape[1:] == (16, 16, 3)
    (numbers,) = json.loads((project.root / "reports/metrics.json").read_text()).values()
    assert numbers["samples"] == 12
    assert numbers["frechet_distance"] > numbers["frechet_distance_floor"] > 0
    validation = json.loads((project.root / "reports/validation.json").read_text())
    assert validation["success"] is True
    tracked = project.run("git", "ls-files").stdout.split()
    assert {"dvc.lock", "reports/metrics.json", "reports/history.csv", "reports/samples/final.png"} <= set(tracked)
    assert not [name for name in tracked if name.startswith(("data/raw", "data/crops", "models/generator", "runs/"))]


def test_a_second_run_does_nothing(project: Project) -> None:
    assert project.ran() == []
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_touching_a_module_reruns_its_stage_and_those_after_where_its_output_changed(project: Project) -> None:
    def due(module: str) -> set[str]:
        with touched(project.root / "src/pedigree" / module):
            told = json.loads(project.run("dvc", "status", "--json").stdout)
        return set(told)

    assert due("generation.py") == due("cli.py") == set()
    assert due("crops.py") == {"crop"}
    assert due("losses.py") == {"train"}
    assert due("metrics/manifold.py") == {"score"}
    with touched(project.root / "src/pedigree/crop/stage.py"):
        assert project.ran() == ["crop"]  # the same crops: nothing after it is due
    project.run("git", "checkout", "--", "dvc.lock")


def test_a_bad_archive_stops_at_once_and_leaves_the_photos(project: Project) -> None:
    archive = project.root / "small/images.tar"
    whole = archive.read_bytes()
    before = sorted((project.root / "data/raw").rglob("*"))
    archive.write_bytes(whole[: len(whole) // 2])
    try:
        done = project.run("dvc", "repro", check=False)
    finally:
        archive.write_bytes(whole)
    assert done.returncode != 0
    assert "pedigree unpack: small/images.tar" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted((project.root / "data/raw").rglob("*")) == before
    assert project.ran() == []


def test_an_experiment_retrains_and_scores_only(project: Project) -> None:
    told = project.run("dvc", "exp", "run", "--set-param", "train.steps=6").stdout
    ran = [line.split("'")[1] for line in told.splitlines() if line.startswith("Running stage")]
    assert ran == ["train", "score"]
    shown = json.loads(project.run("dvc", "exp", "show", "--json").stdout)
    assert json.dumps(shown).count('"steps": 6') >= 1
    project.run("git", "checkout", "--", ".")
    project.run("dvc", "checkout")


def test_commits_are_compared_with_the_cache_deleted(project: Project) -> None:
    project.run("dvc", "exp", "run", "--set-param", "train.steps=10")
    project.commit("Train longer")
    shutil.rmtree(project.root / ".dvc/cache")
    metrics = json.loads(project.run("dvc", "metrics", "diff", "HEAD~1", "--json").stdout)
    changed = metrics["reports/metrics.json"]["efficientnet-lite0.frechet_distance"]
    assert changed["old"] != changed["new"]
    parameters = json.loads(project.run("dvc", "params", "diff", "HEAD~1", "--json").stdout)
    assert parameters["params.yaml"]["train.steps"] == {"old": 8, "new": 10, "diff": 2}
    project.run("dvc", "plots", "diff", "HEAD~1", "--out", "plots")
    drawn = {path.name for path in (project.root / "plots/static").iterdir()}
    for revision in ("HEAD~1", "workspace"):
        assert any(revision in name and "final.png" in name for name in drawn), drawn
    assert "discriminator_loss" in (project.root / "plots/index.html").read_text()
    shutil.rmtree(project.root / "plots")
