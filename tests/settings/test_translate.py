"""The optional section `translate`: off without it, switched on by a recipe, and checked as the other sections."""

import dataclasses
from pathlib import Path

import pytest
from conftest import ROOT
from pydantic import ValidationError

from pedigree.cli import main
from pedigree.errors import UsageError
from pedigree.settings import params, recipes
from pedigree.settings.overrides import override

PROJECT = (ROOT / "params.yaml").read_text()


@pytest.fixture
def switched_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's parameters with the recipe cyclegan, in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PROJECT)
    assert main(["recipe", "cyclegan"]) == 0
    return tmp_path / "params.yaml"


def test_it_is_off_in_the_project_and_the_error_says_how_to_switch_it_on() -> None:
    assert "translate" not in params.read(ROOT / "params.yaml")
    with pytest.raises(UsageError, match="section 'translate' is missing: `pedigree recipe cyclegan` writes it"):
        params.load(params.Translate, ROOT / "params.yaml")


def test_the_recipe_adds_the_section_and_the_pipeline_file(
    capsys: pytest.CaptureFixture[str], switched_on: Path
) -> None:
    assert switched_on.read_text() == PROJECT + "\n" + recipes.text("cyclegan")
    assert params.load(params.Translate, switched_on) == recipes.settings("cyclegan")
    assert (switched_on.parent / "translation/dvc.yaml").is_file()
    recipes.write("cyclegan", switched_on)
    assert switched_on.read_text() == PROJECT + "\n" + recipes.text("cyclegan")
    assert capsys.readouterr().out == (
        "params.yaml: the translate section is now the recipe cyclegan. "
        "Run `dvc repro translation/dvc.yaml` to train it.\n"
    )


def test_a_recipe_of_train_leaves_it_alone(switched_on: Path) -> None:
    recipes.write("seed-cgan", switched_on)
    assert params.load(params.Translate, switched_on) == recipes.settings("cyclegan")
    recipes.write("sample", switched_on)
    assert switched_on.read_text() == PROJECT + "\n" + recipes.text("cyclegan")


def test_a_parameter_can_be_overridden(switched_on: Path) -> None:
    override({"translate.steps": 7}, switched_on)
    assert params.load(params.Translate, switched_on).steps == 7


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  pool_size: 50 ", "  pool: 50 ", r"translate\.pool is not a parameter.*translate\.pool_size is missing"),
        ("  cycle_weight: 10.0 ", "  cycle_weight: -1.0 ", r"translate\.cycle_weight: .*Received: -1\.0"),
        ("  augment: [flip]", "  augment: [color]", r"translate\.augment\.0: .*Received: 'color'"),
        ("  breeds: [Ember_pointer, Snow_spitz]", "  breeds: [Ember_pointer]", r"translate\.breeds"),
    ],
)
def test_errors_name_key_and_value(switched_on: Path, old: str, new: str, message: str) -> None:
    text = switched_on.read_text()
    assert text.count(old) == 1
    switched_on.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=message):
        params.load(params.Translate, switched_on)


def test_a_pool_holds_the_pictures_of_a_step_or_none() -> None:
    assert params.Translate(batch_size=8, pool_size=0).pool_size == 0
    with pytest.raises(ValidationError, match="pool_size is below batch_size"):
        params.Translate(batch_size=8, pool_size=7)


def test_a_breed_is_not_translated_to_itself() -> None:
    with pytest.raises(ValidationError, match="the two breeds are the same"):
        dataclasses.replace(params.Translate(), breeds=["pug", "pug"])
