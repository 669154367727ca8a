"""The translator's file: what is saved is loaded, by Keras alone too, and other files are refused in one line."""

from pathlib import Path

import keras
import numpy as np
import pytest

from pedigree.errors import PedigreeError
from pedigree.generator.model import save_generator
from pedigree.generator.translator import Translator, load_translator, save_translator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.cyclegan import build_translator
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BREEDS = ("n90000001-Red", "n90000002-Blue")
CROP = {"fit": "head", "size": 16}


@pytest.fixture
def translator() -> Translator:
    return Translator(build_translator(16, 2, LayerFactory(keras_only=True))[0], BREEDS, CROP)


@pytest.fixture
def path(translator: Translator, tmp_path: Path) -> Path:
    save_translator(translator.network, BREEDS, CROP, tmp_path / "translator.keras")
    return tmp_path / "translator.keras"


def test_what_is_saved_is_loaded_and_keras_alone_reads_it(translator: Translator, path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    loaded = load_translator(path)
    assert (loaded.breeds, loaded.crop, loaded.image_size) == (BREEDS, CROP, 16)
    for to in (0, 1):
        np.testing.assert_array_equal(loaded.translate(images, to, batch_size=2), translator.translate(images, to))
    assert not np.array_equal(loaded.translate(images, 0), loaded.translate(images, 1))
    assert len(keras.saving.load_model(path).outputs) == 2


def test_nan_in_place_of_colours_is_one_clear_error(translator: Translator) -> None:
    translator.network.set_weights([weight * np.nan for weight in translator.network.get_weights()])
    with pytest.raises(PedigreeError, match="NaN in place of colors"):
        translator.translate(np.zeros((1, 16, 16, 3), np.uint8), 0)


def test_equal_networks_give_equal_bytes(translator: Translator, path: Path, tmp_path: Path) -> None:
    save_translator(translator.network, BREEDS, CROP, tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == path.read_bytes()


def test_a_missing_file_says_how_to_train_one(tmp_path: Path) -> None:
    with pytest.raises(PedigreeError, match="is not here: run `pedigree recipe cyclegan`, then `dvc repro translation"):
        load_translator(tmp_path / "none.keras")


def test_a_generator_is_no_translator(tmp_path: Path) -> None:
    network = ARCHITECTURES["projection-dcgan"].build_generator(Shape(16, 3, 6, 2, 4), LayerFactory(keras_only=True))
    save_generator(network, BREEDS, tmp_path / "generator.keras")
    with pytest.raises(PedigreeError, match=r"is not a translator that Pedigree saved .*no parameters of crop"):
        load_translator(tmp_path / "generator.keras")


def test_a_network_with_one_output_is_no_translator(tmp_path: Path) -> None:
    network = build_translator(16, 2, LayerFactory(keras_only=True))[1][0]
    save_translator(network, BREEDS, CROP, tmp_path / "half.keras")
    with pytest.raises(PedigreeError, match=r"is not a translator that Pedigree saved .*expected two such pictures"):
        load_translator(tmp_path / "half.keras")


def test_a_cut_file_is_refused_in_one_line(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(PedigreeError, match="is not a translator that Pedigree saved") as error:
        load_translator(path)
    assert "\n" not in str(error.value)
