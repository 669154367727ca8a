"""`pedigree generate --from`: the same bytes again, with the generator that drew them, wherever it is."""

import shutil
import subprocess
from pathlib import Path

import keras
import pytest

from pedigree import shipped
from pedigree.cli import main
from pedigree.common.grids import save_png
from pedigree.drawing.provenance import Provenance, model_hash, png_fields, read_provenance
from pedigree.generator.model import save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BREEDS = ("n90000001-Red", "n90000002-柴犬")


def saved(path: Path, seed: int) -> Path:
    keras.utils.set_random_seed(seed)
    shape = Shape(16, 3, 6, len(BREEDS), 4)
    network = ARCHITECTURES["projection-dcgan"].build_generator(shape, LayerFactory(keras_only=True))
    save_generator(network, BREEDS, path)
    return path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder outside of any repository, with a generator and a shipped one of another seed."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "shipped")
    saved(tmp_path / "shipped/tiny.keras", 1)
    (tmp_path / "shipped/tiny.md").write_text("---\nlicense_name: study-only\n---\n")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    saved(Path("models/generator.keras"), 0)
    return folder


def generate(*arguments: str) -> int:
    return main(["generate", *arguments])


@pytest.mark.parametrize(
    "options",
    [
        ["--breed", "all", "--seed", "7", "--count", "3", "--truncation", "0.7"],
        ["--breed", "柴犬", "--count", "5", "--no-labels"],
        ["--breed", "red", "--model", "tiny"],
    ],
)
def test_the_same_sheet_has_the_same_bytes(options: list[str]) -> None:
    assert generate(*options) == generate("--from", "dogs.png", "--out", "same.png") == 0
    assert Path("dogs.png").read_bytes() == Path("same.png").read_bytes()


def test_a_dog_of_a_folder_is_drawn_again_as_it_is() -> None:
    assert generate("--breed", "all", "--seed", "7", "--count", "3", "--out", "dogs/") == 0
    assert generate("--from", "dogs/柴犬-7-002.png", "--out", "dog.png") == 0
    assert Path("dog.png").read_bytes() == Path("dogs/柴犬-7-002.png").read_bytes()


def test_a_sheet_becomes_a_folder_and_loses_its_labels_if_wanted() -> None:
    generate("--breed", "all", "--count", "3")
    generate("--breed", "all", "--count", "3", "--out", "dogs")
    generate("--from", "dogs.png", "--out", "again")
    files = sorted(Path("dogs").iterdir())
    assert len(files) == 6
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in sorted(Path("again").iterdir())]
    generate("--breed", "all", "--count", "3", "--no-labels", "--out", "plain.png")
    generate("--from", "dogs.png", "--no-labels", "--out", "same.png")
    assert Path("plain.png").read_bytes() == Path("same.png").read_bytes()


def test_the_generator_may_have_moved_or_come_with_pedigree(capsys: pytest.CaptureFixture[str]) -> None:
    generate("--breed", "red")
    shutil.move("models/generator.keras", "old.keras")
    assert generate("--from", "dogs.png", "--model", "old.keras", "--out", "same.png") == 0
    generate("--breed", "red", "--model", "tiny", "--out", "tiny.png")
    capsys.readouterr()
    assert generate("--from", "tiny.png", "--model", "old.keras", "--out", "tiny-again.png") == 0
    assert generate("--from", "tiny.png", "--out", "tiny-too.png") == 0, "also without models/generator.keras"
    assert capsys.readouterr().err.count("tiny: licence study-only") == 2
    assert Path("tiny.png").read_bytes() == Path("tiny-again.png").read_bytes() == Path("tiny-too.png").read_bytes()


@pytest.mark.parametrize("gone", [False, True])
def test_another_generator_is_one_line_with_both_hashes(gone: bool, capsys: pytest.CaptureFixture[str]) -> None:
    generate("--breed", "red")
    before = model_hash(Path("models/generator.keras"))
    Path("models/generator.keras").unlink()
    after = "is not here" if gone else model_hash(saved(Path("models/generator.keras"), 2))
    capsys.readouterr()
    assert generate("--from", "dogs.png", "--out", "same.png") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert before in error
    assert after in error
    assert not Path("same.png").exists()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"breeds": ["n90000003-Green"]}, "no breed 'n90000003-Green'"),
        ({"count": 10**6}, "count of its request is no whole number"),
        ({"dog": "red"}, "cannot be drawn again"),
    ],
)
def test_a_forged_request_is_one_line(
    request_: dict[str, object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    generate("--breed", "red")
    origin = read_provenance(Path("dogs.png"))
    forged = Provenance(origin.model, origin.revision, {**origin.request, **request_})
    save_png(Image.new("RGB", (1, 1)), Path("forged.png"), png_fields(forged))
    capsys.readouterr()
    assert generate("--from", "forged.png", "--out", "same.png") in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_walk_says_how_it_was_drawn_and_what_draws_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk", "--breed", "red", "--to", "柴犬", "--seed", "3", "--count", "2", "--out", "walk.png"]) == 0
    walk = {"breed": BREEDS[0], "to": BREEDS[1], "seed": 3, "count": 2, "steps": 9, "truncation": None}
    assert read_provenance(Path("walk.png")).request == {"walk": walk}
    assert generate("--from", "walk.png") == 1
    assert "only `pedigree walk` draws" in capsys.readouterr().err


def test_the_revision_is_that_of_the_project_here() -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def revision() -> str:
        generate("--breed", "red", "--count", "1")
        return read_provenance(Path("dogs.png")).revision

    assert revision() == ""
    git("init", "-q")
    assert revision() == "", "there is no commit"
    Path("code").write_text("one")
    git("add", "code")
    git("commit", "-q", "-m", "one")
    git("tag", "-a", "-m", "one", "v1")
    assert revision() == git("rev-parse", "--short", "HEAD"), "untracked files do not count"
    Path("code").write_text("two")
    assert revision() == git("rev-parse", "--short", "HEAD") + "-dirty"
