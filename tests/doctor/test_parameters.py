"""params.yaml: every mistake at once; archives and weights that it names and that do not exist."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from doctor.projects import of
from pedigree.doctor import parameters


def edited(project: Path, **values: object) -> None:
    """Set parameters, named `section__key`."""
    yaml, path = YAML(), project / "params.yaml"
    content = yaml.load(path)
    for name, value in values.items():
        section, key = name.split("__")
        content[section][key] = value
    yaml.dump(content, path)


def test_every_wrong_section_is_named_and_the_others_are_read(project: Path) -> None:
    edited(project, crop__size=33, train__stepz=1)
    sections, findings = parameters.load(project)
    assert [finding.level for finding in findings] == ["problem", "problem"]
    assert findings[0].text.startswith("params.yaml: crop.size: ")
    assert findings[1].text.startswith("params.yaml: train.stepz is not a parameter (nearest: 'steps').")
    assert {*sections} == {"data", "unpack", "validate", "score", "gate"}


def test_an_optional_section_is_checked_if_it_is_there(project: Path) -> None:
    assert "translate" not in parameters.load(project)[0]
    with (project / "params.yaml").open("a") as file:
        file.write("translate:\n  stepz: 1\n")
    sections, (finding,) = parameters.load(project)
    assert "translate" not in sections
    assert finding.text.startswith("params.yaml: translate.stepz is not a parameter (nearest: 'steps').")


@pytest.mark.parametrize("text", ["a: [1", "- 1\n", "\xff"])
def test_a_file_that_is_no_yaml_of_sections_is_one_line(project: Path, text: str) -> None:
    (project / "params.yaml").write_bytes(text.encode("latin-1"))
    sections, (finding,) = parameters.load(project)
    assert (sections, finding.level) == ({}, "problem")
    assert "\n" not in finding.text


def test_archives_that_do_not_exist_are_a_problem(project: Path) -> None:
    sections, _ = parameters.load(project)
    assert of("archives", parameters.check_files(project, sections)).level == "fine"
    (project / "data/sample/images.tar").rename(project / "data/sample/images.tgz")
    finding = of("archives", parameters.check_files(project, sections))
    assert finding.text == "data.images: data/sample/images.tar does not exist"
    (project / "data/sample/images.tar.dvc").touch()
    assert of("archives", parameters.check_files(project, sections)).remedy == "dvc pull data/sample/images.tar"


def test_an_archive_above_the_limit_is_a_problem(project: Path) -> None:
    edited(project, unpack__max_bytes=1000)
    sections, _ = parameters.load(project)
    finding = of("archives", parameters.check_files(project, sections))
    assert finding.level == "problem"
    assert "unpack.max_bytes" in finding.text


def test_an_extractor_without_its_file_is_a_problem(project: Path) -> None:
    edited(project, score__extractor="inception-2015")
    assert of("weights", parameters.check_files(project, parameters.load(project)[0])).remedy == (
        "pedigree fetch inception-2015"
    )
    edited(project, score__weights="weights/none.tgz")
    finding = of("weights", parameters.check_files(project, parameters.load(project)[0]))
    assert finding.text == "score.weights: weights/none.tgz does not exist"
