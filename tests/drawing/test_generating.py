"""`generate`: sheets and folders of dogs, each of which says how it was drawn."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from pedigree.common.grids import GAP
from pedigree.drawing import generating
from pedigree.drawing.provenance import Provenance, model_hash, read_provenance
from pedigree.drawing.request import Sheet, parsed
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.model import load_generator, save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BREEDS = PUG, BOXER, NANDU = ("n02110958-pug", "n02108089-boxer", "n90000001-ñandú 柴犬")
SIDE = 128  # pixels of an enlarged picture


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a generator of `BREEDS` at 16 px."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("small") / "generator.keras"
    shape = Shape(16, 3, 6, len(BREEDS), 4)
    network = ARCHITECTURES["projection-dcgan"].build_generator(shape, LayerFactory(keras_only=True))
    save_generator(network, BREEDS, path)
    return path


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize(
    ("count", "across", "down"), [(1, 1, 1), (2, 2, 1), (4, 2, 2), (7, 3, 3), (8, 3, 3), (9, 3, 3)]
)
def test_one_breed_fills_about_as_many_rows_as_columns(
    small_model: Path, tmp_path: Path, count: int, across: int, down: int
) -> None:
    out = str(tmp_path / "dogs.png")
    generating.generate(small_model, Sheet((PUG,), count=count, labels=False), out)
    assert pixels(Path(out)).shape == (down * (SIDE + GAP) + GAP, across * (SIDE + GAP) + GAP, 3)


def test_several_breeds_have_a_row_each_and_labels_beside(small_model: Path, tmp_path: Path) -> None:
    sheet = Sheet((PUG, NANDU), count=5)
    generating.generate(small_model, sheet, str(tmp_path / "labels.png"))
    generating.generate(small_model, replace(sheet, labels=False), str(tmp_path / "plain.png"))
    labelled, plain = pixels(tmp_path / "labels.png"), pixels(tmp_path / "plain.png")
    assert plain.shape == (2 * (SIDE + GAP) + GAP, 5 * (SIDE + GAP) + GAP, 3)
    margin = labelled.shape[1] - plain.shape[1]
    assert margin > 20
    assert np.array_equal(labelled[:, margin:], plain)


def test_the_name_of_a_single_breed_is_the_title(small_model: Path, tmp_path: Path) -> None:
    generating.generate(small_model, Sheet((PUG,)), str(tmp_path / "labels.png"))
    generating.generate(small_model, Sheet((PUG,), labels=False), str(tmp_path / "plain.png"))
    labelled, plain = pixels(tmp_path / "labels.png"), pixels(tmp_path / "plain.png")
    head = len(labelled) - len(plain)
    assert head > 10
    assert labelled[:head].min() < 100
    assert np.array_equal(labelled[head:], plain)


def test_a_sheet_says_how_it_was_drawn(small_model: Path, tmp_path: Path) -> None:
    sheet = Sheet((PUG, BOXER), 7, 2, 0.5)
    generating.generate(small_model, sheet, str(tmp_path / "dogs.png"), "694f848")
    origin = Provenance(model_hash(small_model), "694f848", sheet.to_json())
    assert read_provenance(tmp_path / "dogs.png") == origin


def test_a_folder_has_each_dog_as_it_was_drawn_and_each_file_draws_it_again(small_model: Path, tmp_path: Path) -> None:
    generator = load_generator(small_model)
    sheet = Sheet((PUG, NANDU), 7, 66)  # more than one batch
    summary = generating.generate(small_model, sheet, f"{tmp_path}/new/dogs")
    assert summary == f"66 pictures each of pug, ñandú 柴犬: {tmp_path}/new/dogs"
    files = sorted(tmp_path.glob("new/dogs/*"))
    assert len(files) == 2 * 66
    for breed, start in ((PUG, "pug"), (NANDU, "ñandú_柴犬")):
        expected = generator.draw(np.full(66, BREEDS.index(breed), np.int32), 7)
        for index in range(66):
            assert np.array_equal(pixels(tmp_path / f"new/dogs/{start}-7-{index:03}.png"), expected[index])
    for name in ("pug-7-065.png", "ñandú_柴犬-7-003.png"):
        file = tmp_path / "new/dogs" / name
        one = parsed(read_provenance(file).request)
        assert generating.generate(small_model, one, str(tmp_path / "again.png")).startswith(f"picture {one.index} of ")
        assert (tmp_path / "again.png").read_bytes() == file.read_bytes()
        generating.generate(small_model, one, f"{tmp_path}/one/")
        assert (tmp_path / "one" / name).read_bytes() == file.read_bytes()


def test_a_folder_keeps_its_other_files(small_model: Path, tmp_path: Path) -> None:
    (tmp_path / "dogs.v1").mkdir()
    (tmp_path / "dogs.v1/notes.txt").write_text("mine")
    (tmp_path / "dogs.v1/pug-0-000.png").write_text("old")
    for seed in (0, 1):
        generating.generate(small_model, Sheet((PUG,), seed, 2), str(tmp_path / "dogs.v1"))
    pugs = [f"pug-{seed}-00{index}.png" for seed in (0, 1) for index in (0, 1)]
    assert sorted(path.name for path in (tmp_path / "dogs.v1").iterdir()) == ["notes.txt", *pugs]
    assert (tmp_path / "dogs.v1/notes.txt").read_text() == "mine"
    assert pixels(tmp_path / "dogs.v1/pug-0-000.png").shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("out", "message"), [("file", "is not a folder"), ("file/", "is not a folder"), ("dogs", "not a regular file")]
)
def test_what_cannot_be_written_is_refused_before_anything_is_drawn(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, message: str
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "dogs/pug-0-001.png").mkdir(parents=True)
    monkeypatch.setattr(generating, "load_generator", None)
    with pytest.raises(PedigreeError, match=message):
        generating.generate(small_model, Sheet((PUG,)), f"{tmp_path}/{out}")
    assert (tmp_path / "file").read_text() == "mine"


def test_another_suffix_or_breed_is_wrong_usage(small_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png file.*folder"):
        generating.generate(small_model, Sheet((PUG,)), str(tmp_path / "dogs.jpg"))
    with pytest.raises(UsageError, match="no breed 'n1-cat'"):
        generating.generate(small_model, Sheet((PUG, "n1-cat")), str(tmp_path / "dogs.png"))
    assert not list(tmp_path.iterdir())


def test_how_pictures_were_chosen_is_in_every_file(small_model: Path, tmp_path: Path) -> None:
    def last(generator, folders, count, seed, truncation):  # type: ignore[no-untyped-def]
        drawn = generating.draw_first(generator, folders, 2 * count, seed, truncation)
        return generating.Drawn(drawn.images[:, count:], f"the last of {', '.join(folders)}")

    sheet = Sheet((PUG, BOXER), count=2)
    assert "(the last of n02110958-pug, n02108089-boxer)" in generating.generate(
        small_model, sheet, str(tmp_path / "dogs.png"), draw=last
    )
    generating.generate(small_model, sheet, f"{tmp_path}/dogs", draw=last)
    with Image.open(tmp_path / "dogs/boxer-0-001.png") as one:
        assert one.text["Description"] == "the last of n02108089-boxer"
