"""`pedigree submission`: Kaggle's zip of 64 px pictures, in the proportions of the photos, the same each time."""

import io
import re
import zipfile
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from pedigree import submission
from pedigree.cli import main
from pedigree.errors import PedigreeError
from pedigree.generator.model import Generator, load_generator, save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BREEDS = ("n90000001-Red", "n90000002-Blue", "n90000003-Green")


def written(path: Path, size: int) -> Path:
    keras.utils.set_random_seed(0)
    build = ARCHITECTURES["projection-dcgan"].build_generator
    save_generator(build(Shape(size, 3, 6, len(BREEDS), 4), LayerFactory(keras_only=True)), BREEDS, path)
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("small") / "generator.keras", 16)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pictures(path: Path) -> dict[str, Image.Image]:
    with zipfile.ZipFile(path) as archive:
        return {name: Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()}


def write_census(photos: dict[str, int], unusable: str = "") -> None:
    lines = [f"{breed}/{number}.jpg,{breed},True" for breed, count in photos.items() for number in range(count)]
    lines += [f"{unusable}/broken{number}.jpg,{unusable},False" for number in range(9 if unusable else 0)]
    Path("data").mkdir()
    Path("data/census.csv").write_text("\n".join(["photo,breed,usable", *lines, ""]))


def test_the_zip_has_as_many_different_pictures_of_kaggles_size_and_mode(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submission", "--model", str(small), "--count", "130"]) == 0
    found = pictures(Path("images.zip"))
    assert {(one.format, one.size, one.mode) for one in found.values()} == {("PNG", (64, 64), "RGB")}
    assert len({one.tobytes() for one in found.values()}) == len(found) == 130
    captured = capsys.readouterr()
    assert (
        "130 pictures of 64 × 64 px, resized from 16 px with bicubic interpolation, equal shares of the breeds"
        in captured.out
    )
    assert "130/130" in captured.err


def test_equal_input_gives_equal_bytes_and_another_seed_others(small: Path) -> None:
    for name, seed in (("a.zip", "5"), ("b.zip", "5"), ("c.zip", "6")):
        assert main(["submission", "--model", str(small), "--count", "70", "--seed", seed, "--out", name]) == 0
    a, b, c = (Path(name).read_bytes() for name in ("a.zip", "b.zip", "c.zip"))
    assert a == b != c


def test_breeds_are_in_the_proportions_of_the_usable_photos(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_census({BREEDS[0]: 30, BREEDS[1]: 20, BREEDS[2]: 11}, unusable=BREEDS[2])
    drawn = Counter[int]()
    draw = Generator.draw_latents

    def counted(self: Generator, latents: np.ndarray, labels: np.ndarray, *rest: int) -> np.ndarray:
        drawn.update(labels.tolist())
        return draw(self, latents, labels, *rest)

    monkeypatch.setattr(Generator, "draw_latents", counted)
    summary = submission.submit(small, Path("images.zip"), 100, seed=0)
    assert "breeds in the proportions of data/census.csv" in summary
    assert drawn == {0: 49, 1: 33, 2: 18}, "100 × 30, 20 and 11 of 61, by largest remainder"


def test_a_census_of_other_breeds_is_named_and_not_used(small: Path) -> None:
    write_census({"pug": 3, BREEDS[0]: 3})
    summary = submission.submit(small, Path("images.zip"), 3, seed=0)
    assert "equal shares of the breeds, because data/census.csv has other breeds" in summary


def test_larger_pictures_are_made_smaller_without_aliasing(tmp_path: Path) -> None:
    model = written(tmp_path / "large.keras", 128)
    assert "resized from 128 px with Lanczos" in submission.submit(model, Path("images.zip"), 2, seed=0)
    generator = load_generator(model)
    (large,) = generator.draw_latents(generator.latents(1, seed=0), np.zeros(1, np.int32))
    expected = Image.fromarray(large).resize((64, 64), Image.Resampling.LANCZOS)
    assert pictures(Path("images.zip"))["00000.png"].tobytes() == expected.tobytes()


def test_pictures_of_the_right_size_are_not_resized(tmp_path: Path) -> None:
    model = written(tmp_path / "same.keras", 64)
    assert "64 × 64 px, not resized" in submission.submit(model, Path("images.zip"), 2, seed=0)
    generator = load_generator(model)
    (same,) = generator.draw_latents(generator.latents(1, seed=0), np.zeros(1, np.int32))
    assert np.array_equal(np.asarray(pictures(Path("images.zip"))["00000.png"]), same)


def test_an_equal_picture_is_drawn_again(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    latents = Generator.latents

    def repeated(self: Generator, count: int, seed: int, truncation: float | None = None) -> np.ndarray:
        drawn = latents(self, count, seed, truncation)
        drawn[1:3] = drawn[0]
        return drawn

    monkeypatch.setattr(Generator, "latents", repeated)
    assert submission.submit(small, Path("images.zip"), 9, seed=0).endswith(
        "; 2 pictures drawn again, because another was equal"
    )
    assert len({one.tobytes() for one in pictures(Path("images.zip")).values()}) == 9


def test_a_collapsed_generator_is_an_error_that_leaves_the_old_file(
    tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "SPARES", 20)
    generator = load_generator(small)
    for weight in generator.network.weights:
        weight.assign(weight * 0)
    save_generator(generator.network, BREEDS, tmp_path / "collapsed.keras")
    Path("images.zip").write_text("kept")
    with pytest.raises(PedigreeError, match=r"^20 pictures of the generator were equal to others"):
        submission.submit(tmp_path / "collapsed.keras", Path("images.zip"), 5, seed=0)
    assert Path("images.zip").read_text() == "kept"


def test_another_name_than_that_of_a_zip_is_wrong_usage(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submission", "--model", str(small), "--out", "images.tar"]) == 2
    assert re.search(r"--out must name a \.zip file\. Received: images\.tar\n$", capsys.readouterr().err)
