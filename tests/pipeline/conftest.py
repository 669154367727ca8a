"""The small project, as it was built and as a copy to change."""

from pathlib import Path

import pytest

from pipeline.small_project import Project, small_project


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project, to read only: committed, its pipeline run once and committed too."""
    return small_project(tmp_path_factory)


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    """A copy of the small project."""
    return built.copy_to(tmp_path / "project")
