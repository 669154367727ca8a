"""The decision of validate under real DVC: crop depends on the verdict, not on the words of the report."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.conftest import Project


@contextmanager
def replaced(project: Project, file: str, old: str, new: str) -> Iterator[None]:
    """Replace `old` in a file of the project, then put it back and rebuild what depends on it."""
    path = project.root / file
    before = path.read_text()
    assert before.count(old) == 1
    path.write_text(before.replace(old, new))
    try:
        yield
    finally:
        path.write_text(before)
        project.run("dvc", "repro")


def ran(project: Project) -> list[str]:
    """Run `dvc repro` and return the stages that ran."""
    output = project.run("dvc", "repro").stdout
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_rewording_a_finding_runs_validate_alone(project: Project) -> None:
    with replaced(project, "src/pedigree/validate/expectations.py", '("photos decode"', '("every photo decodes"'):
        assert ran(project) == ["validate"]
        report = json.loads((project.root / "reports/validation.json").read_text())
        assert "every photo decodes" in [finding["expectation"] for finding in report["expectations"]]
        assert ran(project) == []
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_a_failed_verdict_stops_the_pipeline_before_crop(project: Project) -> None:
    crops = project.root / "data/crops"
    before = hashes(crops)
    with replaced(project, "params.yaml", "\n  breeds: 3", "\n  breeds: 4"):
        repro = project.run("dvc", "repro", check=False)
        assert repro.returncode != 0
        assert "Running stage 'validate'" in repro.stdout and "Running stage 'crop'" not in repro.stdout
        crop = project.run("python", "-m", "pedigree", "crop", check=False)
        assert crop.returncode == 1
        assert "the photos failed validation. Run `pedigree validate` to see why" in crop.stderr
        assert hashes(crops) == before
    assert project.run("git", "status", "--porcelain").stdout == ""
