"""The pipeline under real DVC: run once, up to date after, run again from what changed, compared without a cache."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import dvc.api
import numpy as np
import pytest
from dvc.repo import Repo

from pedigree.generator.model import breeds_of
from pipeline.small_project import BREEDS, Project, ran


@contextlib.contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    """Replace a file's content for a while."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def status(project: Project) -> set[str]:
    """Return the stages that `dvc status` shows as changed."""
    with contextlib.chdir(project.root), Repo() as repo:
        return set(repo.status())


def after(path: Path, content: bytes, project: Project) -> set[str]:
    """Return the stages that `dvc status` shows as changed while a file has this content."""
    with changed(path, content):
        return status(project)


def test_a_run_leaves_what_the_design_says(built: Project) -> None:
    assert breeds_of(built.root / "models/generator.keras") == BREEDS
    images = np.load(built.root / "data/crops/train-images.npy")
    assert images.shape[1:] == (16, 16, 3)
    (numbers,) = json.loads((built.root / "reports/metrics.json").read_text()).values()
    assert numbers["samples"] == 12
    assert numbers["frechet_distance"] > numbers["frechet_distance_floor"] > 0
    validation = json.loads((built.root / "reports/validation.json").read_text())
    assert validation["success"] is True
    tracked = built.run("git", "ls-files").stdout.split()
    assert {"dvc.lock", "reports/metrics.json", "reports/history.csv", "reports/samples/final.png"} <= set(tracked)
    assert not [name for name in tracked if name.startswith(("data/raw", "data/crops", "models/generator", "runs/"))]


def test_a_second_run_does_nothing(project: Project) -> None:
    assert project.repro() == []
    assert project.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("module", "stages"),
    [
        ("cli.py", set()),
        ("common/progress.py", set()),
        ("drawing/generating.py", set()),
        ("train/resume/checkpoints.py", set()),
        ("crop/cutting.py", {"crop"}),
        ("train/losses.py", {"train"}),
        ("photos/windows.py", {"validate", "crop"}),
        ("metrics/manifold.py", {"validate", "train", "score"}),
        ("score/evaluation.py", {"score"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_edited_module_changes_the_stages_that_run_it(project: Project, module: str, stages: set[str]) -> None:
    path = project.root / "src/pedigree" / module
    assert after(path, path.read_bytes() + b"\n# edited\n", project) == stages


def test_a_stage_whose_outputs_stay_the_same_is_the_last_to_run(project: Project) -> None:
    with (project.root / "src/pedigree/crop/stage.py").open("a") as module:
        module.write("\n# edited\n")
    assert project.repro() == ["crop"]


@pytest.mark.parametrize(
    ("package", "stages"),
    [
        ("keras", {"validate", "crop", "train", "score"}),
        ("tensorflow", {"validate", "crop", "train", "score"}),
        ("prefect", set()),
        ("dvc", set()),
    ],
)
def test_another_version_of_a_package_that_computes_changes_the_stages_that_use_it(
    project: Project, package: str, stages: set[str]
) -> None:
    files = [(path, path.read_bytes()) for path in project.root.glob("constraints*.txt")]
    ((path, content),) = [file for file in files if re.search(rb"^%b==" % package.encode(), file[1], re.MULTILINE)]
    upgraded = re.sub(rb"^%b==.*$" % package.encode(), package.encode() + b"==99.0", content, flags=re.MULTILINE)
    assert after(path, upgraded, project) == stages


def test_a_queued_experiment_runs_the_code_that_it_was_queued_with(project: Project) -> None:
    package = project.root / "src/pedigree/crop/__init__.py"
    note = "import atexit, pathlib\natexit.register(lambda: pathlib.Path('data/crops/note.txt').write_text('{}'))\n"
    package.write_text(note.format("queued"))
    project.run("dvc", "exp", "run", "--queue", "--name", "queued", "crop")
    package.write_text(note.format("edited later"))
    project.run("dvc", "exp", "run", "--run-all")
    assert dvc.api.read("data/crops/note.txt", str(project.root), "queued") == "queued"


def test_a_bad_archive_stops_at_once_and_leaves_the_photos(project: Project) -> None:
    archive = project.root / "small/images.tar"
    content = archive.read_bytes()
    before = sorted((project.root / "data/raw").rglob("*"))
    with changed(archive, content[: len(content) // 2]):
        result = project.run("dvc", "repro", check=False)
    assert result.returncode != 0
    assert "pedigree unpack: small/images.tar" in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted((project.root / "data/raw").rglob("*")) == before
    assert project.repro() == []


def test_a_training_that_fails_at_its_first_step_leaves_the_generator_and_all_reports(project: Project) -> None:
    before = {path: path.read_bytes() for path in kept_files(project)}
    project.override({"train.generator_learning_rate": 1e30, "train.discriminator_learning_rate": 1e30})
    result = project.run("dvc", "repro", check=False)
    assert "diverged" in result.stderr
    assert {path: path.read_bytes() for path in kept_files(project)} == before
    project.run("git", "checkout", "params.yaml")
    assert project.repro() == []


def kept_files(project: Project) -> list[Path]:
    files = [path for name in ("models", "reports") for path in (project.root / name).rglob("*")]
    return [path for path in files if path.is_file()]


@pytest.fixture(scope="module")
def experiment(built: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A copy of the small project after an experiment with fewer steps, and DVC's output. To read only."""
    project = built.copy_to(tmp_path_factory.mktemp("experiment") / "project")
    return project, project.run("dvc", "exp", "run", "--set-param", "train.steps=6").stdout


def test_an_experiment_retrains_and_scores_only(experiment: tuple[Project, str]) -> None:
    project, output = experiment
    assert ran(output) == ["train", "score"]
    table = json.loads(project.run("dvc", "exp", "show", "--json").stdout)
    assert json.dumps(table).count('"steps": 6') >= 1


def test_commits_are_compared_with_the_cache_deleted(experiment: tuple[Project, str], tmp_path: Path) -> None:
    project = experiment[0].copy_to(tmp_path / "project")
    project.commit("Train for fewer steps")
    shutil.rmtree(project.root / ".dvc/cache")
    metrics = json.loads(project.run("dvc", "metrics", "diff", "HEAD~1", "--json").stdout)
    distance = metrics["reports/metrics.json"]["efficientnet-lite0.frechet_distance"]
    assert distance["old"] != distance["new"]
    assert not [key for key in metrics["reports/metrics.json"] if "standard_error" in key]
    parameters = json.loads(project.run("dvc", "params", "diff", "HEAD~1", "--json").stdout)
    assert parameters["params.yaml"]["train.steps"] == {"old": 8, "new": 6, "diff": -2}
    project.run("dvc", "plots", "diff", "HEAD~1", "--out", "plots")
    pictures = {path.name for path in (project.root / "plots/static").iterdir()}
    for revision in ("HEAD~1", "workspace"):
        assert any(revision in name and "final.png" in name for name in pictures), pictures
    assert "discriminator_loss" in (project.root / "plots/index.html").read_text()
