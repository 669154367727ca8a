"""Recipes: a file holds what differs, what is written is the whole train section, and the rest of params.yaml stays."""

import dataclasses
from pathlib import Path

import pytest
from conftest import ROOT, recipe_settings
from ruamel.yaml import YAML

from pedigree.cli import main
from pedigree.errors import UsageError
from pedigree.networks import ARCHITECTURES
from pedigree.settings import params, recipes
from pedigree.settings.overrides import override
from pedigree.settings.section_yaml import parameters

PROJECT = (ROOT / "params.yaml").read_text()
FOLDER = ROOT / "src/pedigree/settings/recipes"
KNOBS = [field.name for field in dataclasses.fields(params.Train)]
OF_TRAIN = recipes.names("train")


def section(text: str) -> list[str]:
    """The lines from `train:` on."""
    lines = text.splitlines()
    return lines[lines.index("train:") :]


def test_there_is_one_for_every_architecture_one_for_photos_and_one_for_the_sample() -> None:
    assert recipes.names("train") == sorted([*ARCHITECTURES, "sample", "stanford-dogs"])
    assert recipes.names("translate") == ["cyclegan"]
    assert recipes.names() == sorted([*recipes.names("train"), "cyclegan"])


@pytest.mark.parametrize("name", OF_TRAIN)
def test_writing_one_changes_the_train_section_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PROJECT)
    recipes.write(name, path)
    architecture = name if name in ARCHITECTURES else "projection-dcgan"
    assert params.load(params.Train, path) == recipe_settings(name)
    assert params.load(params.Train, path).architecture == architecture
    before, after = params.read(ROOT / "params.yaml"), params.read(path)
    assert {key: value for key, value in after.items() if key != "train"} == {
        key: value for key, value in before.items() if key != "train"
    }
    outside = PROJECT.replace(recipes.text("sample"), "").splitlines()
    assert [line for line in outside if line not in path.read_text().splitlines()] == []
    assert recipes.headline(name) in path.read_text()


@pytest.mark.parametrize("name", OF_TRAIN)
def test_knobs_stand_in_one_order_with_one_explanation(name: str) -> None:
    def message(recipe: str) -> list[tuple[str, str]]:
        parts = [line.partition("#") for line in section(recipes.text(recipe)) if line.startswith("  ")]
        return [(before.partition(":")[0].strip(), comment.strip()) for before, _, comment in parts]

    written = [(knob, comment) for knob, comment in message(name) if knob != "channels"]  # each has its width elsewhere
    assert written == [(knob, comment) for knob, comment in message("projection-dcgan") if knob != "channels"]
    assert sorted(filter(None, (knob for knob, _ in message(name)))) == sorted(KNOBS)


@pytest.mark.parametrize("name", recipes.names())
def test_its_head_says_what_it_is_whence_how_and_how_far(name: str) -> None:
    head = recipes.text(name).partition(f"{recipes.section_of(name)}:\n")[0].splitlines()
    assert all(line.startswith("# ") for line in head)
    starts = [line.split(":")[0] for line in head[1:]]
    assert [starts.count(f"# {word}") for word in ("Source", "Run", "Reaches")] == [1, 1, 1]
    (command,) = [line for line in head if line.startswith("# Run: ")]
    assert f"pedigree recipe {name} && dvc repro" in command
    assert recipes.reaches(name)


def test_the_listing_has_the_name_the_headline_and_the_reach_of_each() -> None:
    lines = recipes.listing().splitlines()
    assert [line.split()[0] for line in lines[::2]] == recipes.names()
    for name, first, second in zip(recipes.names(), lines[::2], lines[1::2], strict=True):
        assert first.endswith(recipes.headline(name))
        assert second.strip() == f"Reaches: {recipes.reaches(name)}"
        assert first.index(recipes.headline(name)) == second.index("Reaches")


@pytest.mark.parametrize("name", OF_TRAIN)
def test_a_file_holds_its_architecture_and_what_differs_from_the_defaults(name: str) -> None:
    lines = (FOLDER / f"{name}.yaml").read_text().splitlines()
    values = YAML(typ="safe").load("\n".join(lines))["train"]
    defaults = dataclasses.asdict(params.Train())
    commented = {line.split(":")[0].strip() for line in lines if line.startswith("  ") and "  # " in line}
    assert "architecture" in values
    assert [key for key in values if values[key] == defaults[key] and key not in commented | {"architecture"}] == []
    assert recipes.settings(name) == params.Train(**values) == recipe_settings(name)


def test_a_comment_in_a_recipe_stands_in_place_of_the_general_one() -> None:
    assert "  channels: 128               # of every convolution\n" in recipes.text("seed-cgan")
    general = parameters(params.Train)
    assert general["channels"].comment not in recipes.text("seed-cgan")
    assert f"# {general['latent_size'].comment}\n" in recipes.text("seed-cgan")


def test_writing_another_and_back_restores_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PROJECT)
    recipes.write("seed-cgan", path)
    assert path.read_text() != PROJECT
    recipes.write("sample", path)
    assert path.read_text() == PROJECT


def test_the_last_section_may_be_train(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("train:\n  steps: 1\n")
    recipes.write("seed-cgan", path)
    assert path.read_text() == recipes.text("seed-cgan")


def test_the_message_for_an_unknown_name_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"no recipe is called 'seedcgan' \(nearest: 'seed-cgan'\)\. Recipes: biggan, cogan, cyclegan"
    ):
        recipes.write("seedcgan", tmp_path / "params.yaml")


def test_the_crops_that_a_recipe_was_made_for_are_compared_with_those_of_the_project(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PROJECT)
    assert recipes.other_crops("sample", path) == ""
    assert recipes.other_crops("stanford-dogs", path) == "crop.size: 64, crop.fit: head, crop.padding: 0.0"
    override({"crop.size": 64, "crop.padding": 0.0}, path)
    assert recipes.other_crops("stanford-dogs", path) == "crop.fit: head"


def test_nothing_is_written_beside_a_section_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PROJECT.replace("  size: 32 ", "  size: 48 ")
    assert text != PROJECT
    Path("params.yaml").write_text(text)
    assert main(["recipe", "lapgan"]) == 2
    written = capsys.readouterr()
    assert (written.out, "crop.size" in written.err) == ("", True)
    assert Path("params.yaml").read_text() == text
