"""Recipes: each fills the whole train section, and writing one leaves the rest of params.yaml alone."""

from pathlib import Path

import pytest
from conftest import ROOT

from pedigree import params, recipes
from pedigree.errors import UsageError
from pedigree.networks import ARCHITECTURES

PROJECT = (ROOT / "params.yaml").read_text()


def test_there_is_one_for_every_architecture() -> None:
    assert recipes.names() == sorted(ARCHITECTURES)


@pytest.mark.parametrize("name", recipes.names())
def test_writing_one_changes_the_train_section_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PROJECT)
    recipes.write(name, path)
    assert params.load(params.Train, path).recipe == name
    before, after = params.read(ROOT / "params.yaml"), params.read(path)
    assert {key: value for key, value in after.items() if key != "train"} == {
        key: value for key, value in before.items() if key != "train"
    }
    assert [line for line in PROJECT.splitlines() if line in path.read_text().splitlines() and "#" in line]
    assert recipes.headline(name) in path.read_text()


def test_writing_another_and_back_restores_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PROJECT)
    recipes.write("seed-cgan", path)
    assert path.read_text() != PROJECT
    recipes.write("projection-dcgan", path)
    assert path.read_text() == PROJECT


def test_the_last_section_may_be_train(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("train:\n  steps: 1\n")
    recipes.write("seed-cgan", path)
    assert path.read_text() == recipes.text("seed-cgan")


def test_an_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean seed-cgan"):
        recipes.write("seedcgan", tmp_path / "params.yaml")
