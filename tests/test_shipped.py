"""Generators that come with Pedigree: a name stands for a file, and each shipped file is what its card says."""

import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import ROOT

from pedigree import shipped
from pedigree.cli import main
from pedigree.errors import PedigreeError
from pedigree.generator.model import load_generator, save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape
from tools.generator_card import BEGIN, END
from tools.ship_generator import LARGEST

BREEDS = ("n90000001-Red", "n90000002-Blue")
CARD = "---\nlicense: other\nlicense_name: study-only\n---\n"


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return ARCHITECTURES["projection-dcgan"].build_generator(
        Shape(16, 3, 6, len(BREEDS), 4), LayerFactory(keras_only=True)
    )


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a generator of two breeds that is shipped as tiny-dogs."""
    folder = tmp_path / "shipped"
    save_generator(network(), BREEDS, folder / "tiny-dogs.keras")
    (folder / "tiny-dogs.md").write_text(CARD)
    monkeypatch.setattr(shipped, "FOLDER", folder)
    return folder / "tiny-dogs.keras"


def test_a_name_stands_for_the_shipped_file_and_a_file_of_that_name_wins(tiny: Path) -> None:
    assert shipped.find(Path("tiny-dogs")) == tiny
    Path("tiny-dogs").mkdir()
    assert shipped.find(Path("tiny-dogs")) == tiny, "a folder is no generator"
    Path("tiny-dogs").rmdir()
    shutil.copy(tiny, "tiny-dogs")
    assert shipped.find(Path("tiny-dogs")) == Path("tiny-dogs")


@pytest.mark.parametrize("name", ["tiny", "tiny-dogs.keras", "sub/tiny-dogs"])
def test_what_is_neither_a_file_nor_a_name_gets_the_names(tiny: Path, name: str) -> None:
    with pytest.raises(PedigreeError, match=rf"^{name} is not here.*\(tiny-dogs\)") as raised:
        shipped.find(Path(name))
    assert "dvc repro" not in str(raised.value), "it makes no such file"
    with pytest.raises(
        PedigreeError, match=r"^models/generator\.keras is not here: make it with `dvc repro`.*tiny-dogs"
    ):
        shipped.find(Path("models/generator.keras"))


def test_without_any_generator_the_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "empty")
    with pytest.raises(PedigreeError, match=r"\(none\)"):
        shipped.find(Path("tiny-dogs"))


def test_commands_draw_with_a_name_and_print_the_licence_on_stderr(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(tiny, "copy.keras")
    for command, out in ((["generate"], "dogs.png"), (["walk", "--frames", "3"], "walk.png")):
        written = {}
        for model in ("tiny-dogs", "copy.keras"):
            assert main([*command, "--breed", "red", "--model", model, "--out", out]) == 0
            written[model] = Path(out).read_bytes(), *capsys.readouterr()
        assert written["tiny-dogs"][:2] == written["copy.keras"][:2]
        assert written["tiny-dogs"][2] == f"tiny-dogs: licence study-only, see {tiny.with_suffix('.md')}\n"
        assert written["copy.keras"][2] == ""
    assert main(["breeds", "--model", "tiny-dogs"]) == 0
    assert tuple(capsys.readouterr()) == ("Red\nBlue\n", "")


def test_the_licence_is_also_printed_for_the_path_of_a_shipped_file(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.parent)
    assert shipped.notice(Path(tiny.name)) == f"tiny-dogs: licence study-only, see {tiny.name[:-6]}.md"


def test_the_folder_is_part_of_the_package_and_git_ignores_nothing_in_it() -> None:
    assert shipped.FOLDER == ROOT / "src/pedigree/shipped"
    command = ["git", "check-ignore", "--no-index", "any.keras", "any.md"]
    assert subprocess.run(command, cwd=shipped.FOLDER, check=False).returncode == 1


@pytest.mark.parametrize("name", shipped.names())
def test_a_shipped_generator_is_small_and_draws_another_picture_for_each_breed_and_latent(name: str) -> None:
    file = shipped.find(Path(name))
    assert file.stat().st_size < LARGEST
    generator = load_generator(file)
    assert {weight.dtype for weight in generator.network.weights} == {"float32"}
    count = len(generator.breeds)
    latents = np.repeat(generator.latents(2, seed=0), count, axis=0)
    pictures = generator.draw_latents(latents, np.tile(np.arange(count, dtype=np.int32), 2))
    assert pictures.std(axis=(1, 2, 3)).min() > 10
    assert len(np.unique(pictures.reshape(2 * count, -1), axis=0)) == 2 * count


@pytest.mark.parametrize("name", shipped.names())
def test_the_card_of_a_shipped_generator_has_its_licence_and_facts(name: str) -> None:
    file = shipped.find(Path(name))
    generator, card = load_generator(file), file.with_suffix(".md").read_text()
    assert card.startswith("---\nlibrary_name: keras\n")
    assert shipped.notice(file).startswith(f"{name}: licence ")
    facts = card[card.index(BEGIN) : card.index(END)]
    assert f"| Breeds | {len(generator.breeds)} |" in facts
    assert f"| Pictures | {generator.image_size} × {generator.image_size} px |" in facts
    assert f"| Size | {file.stat().st_size / 1e6:.1f} MB, with {generator.network.count_params():,} weights" in facts
    assert "| Memorisation verdict | fine" in facts
