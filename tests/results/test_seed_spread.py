"""The spread of scores between seeds: each seed is trained once, and the file says how much differs by chance."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pipeline.small_project import Project, small_project

from pedigree.common.paths import METRICS
from pedigree.errors import PedigreeError
from pedigree.results import seed_spread


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the small project as the working directory."""
    project = small_project(tmp_path_factory).copy_to(tmp_path / "project")
    monkeypatch.chdir(project.root)
    return project


@pytest.fixture
def trained() -> list[int]:
    """The seeds that were trained."""
    return []


@pytest.fixture
def train(trained: list[int]) -> Callable[[int, Path], None]:
    """A training that only makes scores: the project's own, but for the breed accuracy."""

    def run(seed: int, reports: Path) -> None:
        trained.append(seed)
        scores = json.loads(METRICS.read_text())
        scores["efficientnet-lite0"]["breed_accuracy"] = 0.1 * seed
        reports.mkdir(parents=True)
        (reports / METRICS.name).write_text(json.dumps(scores))

    return run


def test_an_interrupted_measurement_continues(
    project: Project, trained: list[int], train: Callable[[int, Path], None]
) -> None:
    def interrupted(seed: int, reports: Path) -> None:
        if seed == 2:
            raise KeyboardInterrupt
        train(seed, reports)

    with pytest.raises(KeyboardInterrupt):
        seed_spread.measure(3, interrupted)
    assert not seed_spread.SPREAD.exists()
    table = seed_spread.measure(3, train)
    assert trained == [1, 2, 3]
    own = json.loads(METRICS.read_text())["efficientnet-lite0"]
    spread = seed_spread.read(seed_spread.SPREAD)
    assert spread is not None
    assert list(spread.seeds) == [0, 1, 2, 3]
    values = spread.scores["efficientnet-lite0"]
    assert values["breed_accuracy"] == pytest.approx([own["breed_accuracy"], 0.1, 0.2, 0.3])
    assert spread.allowed("efficientnet-lite0", "kernel_distance") == 0
    assert "breed_accuracy_holdout" not in values  # photos have no seed
    assert "Breed accuracy" in table
    assert not any(seed_spread.FOLDER.iterdir())


def test_results_of_other_parameters_are_refused(project: Project, train: Callable[[int, Path], None]) -> None:
    project.override({"train.steps": 9})
    with pytest.raises(PedigreeError, match="run `dvc repro` first"):
        seed_spread.measure(1, train)


def test_the_command_trains_with_another_seed_and_leaves_the_project_as_it_was(project: Project) -> None:
    before = {path: path.read_bytes() for name in ("models", "reports") for path in Path(name).rglob("*.*")}
    output = project.run("pedigree", "spread", "--seeds", "1").stdout
    assert "Seed 1, 1 of 1: training and scoring." in output
    one, other = json.loads(seed_spread.SPREAD.read_text())["scores"]["efficientnet-lite0"]["kernel_distance"]
    assert one != other
    seed_spread.SPREAD.unlink()
    assert {path: path.read_bytes() for name in ("models", "reports") for path in Path(name).rglob("*.*")} == before
