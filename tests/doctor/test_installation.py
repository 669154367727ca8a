"""Python and packages: what pyproject.toml allows, and what the files of pins name."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from conftest import ROOT

from doctor.projects import of
from pedigree.common import pins
from pedigree.doctor import installation

INSTALLED = version("keras")


@pytest.mark.parametrize(("python", "level"), [((3, 10, 9), "problem"), ((3, 11, 0), "fine"), ((3, 14, 0), "problem")])
def test_pythons_outside_of_pyproject_are_a_problem(python: tuple[int, ...], level: str) -> None:
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    low, high = (".".join(map(str, bound)) for bound in installation.PYTHON)
    assert requires == f">={low},<{high}"
    assert installation.check_python(python).level == level


@pytest.mark.parametrize(
    ("file", "level"), [(pins.COMPUTE, "problem"), (pins.OTHERS, "note")], ids=["computes", "does not compute"]
)
def test_another_version_than_pinned_stops_the_stages_only_if_it_computes(
    tmp_path: Path, file: Path, level: str
) -> None:
    (tmp_path / file).write_text("keras==3.0.0\nno-such-package==1.0\n")
    finding = of("packages", installation.check_packages(tmp_path, True))
    assert (finding.level, finding.text) == (level, f"keras {INSTALLED} is installed, but {file} pins 3.0.0.")
    (tmp_path / file).write_text(f"keras=={INSTALLED}\n")
    assert of("packages", installation.check_packages(tmp_path, True)).level == "fine"


def test_missing_packages_are_a_problem_for_a_project_and_a_note_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = ["keras>=3", 'no-such-package<2; extra == "pipeline"', "no-flow>=1 ; extra == 'flows'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda _: requirements)
    for is_project, level in ((True, "problem"), (False, "note")):
        stages, flows = installation.check_packages(tmp_path, is_project)
        assert (stages.level, flows.level) == (level, "note")
        assert stages.text == "not installed: no-such-package; the stages need them"
        assert stages.remedy.startswith("pip install 'pedigree[pipeline]'")
        assert "pedigree[flows]" in flows.remedy
