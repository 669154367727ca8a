"""The decision of validate under real DVC: crop depends on the verdict, not on the words of the report."""

import hashlib
import json
from pathlib import Path

from pipeline.small_project import Project


def replace(project: Project, file: str, old: str, new: str) -> None:
    """Replace `old` in a file of the project."""
    path = project.root / file
    content = path.read_text()
    assert content.count(old) == 1
    path.write_text(content.replace(old, new))


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_rewording_a_finding_runs_validate_alone(project: Project) -> None:
    replace(project, "src/pedigree/validate/expectations.py", '("photos decode"', '("every photo decodes"')
    assert project.repro() == ["validate"]
    report = json.loads((project.root / "reports/validation.json").read_text())
    assert "every photo decodes" in [finding["expectation"] for finding in report["expectations"]]
    assert project.repro() == []


def test_a_failed_verdict_stops_the_pipeline_before_crop(project: Project) -> None:
    crops = project.root / "data/crops"
    before = hashes(crops)
    replace(project, "params.yaml", "\n  breeds: 3", "\n  breeds: 4")
    repro = project.run("dvc", "repro", check=False)
    assert repro.returncode != 0
    assert "Running stage 'validate'" in repro.stdout and "Running stage 'crop'" not in repro.stdout
    crop = project.run("python", "-m", "pedigree", "crop", check=False)
    assert crop.returncode == 1
    assert "the photos failed validation. Run `pedigree validate` to see why" in crop.stderr
    assert hashes(crops) == before
    replace(project, "params.yaml", "\n  breeds: 4", "\n  breeds: 3")
    assert project.repro() == ["validate"]
    assert project.run("git", "status", "--porcelain").stdout == ""
