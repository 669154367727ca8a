"""Networks of keras.applications as extractors, with random weights that the test saves; the real ones are not here."""

import functools
import urllib.request

import keras
import numpy as np
import pytest
from PIL import Image

from pedigree.errors import PedigreeError
from pedigree.features import extractors
from pedigree.features.extractors.keras_applications import APPLICATIONS, Application, KerasApplication

ORIGINALS = dict(APPLICATIONS)
SMALL = Application("mobilenet", "MobileNet", 128)
CAFFE = Application("vgg16", "VGG16", 48)  # its preprocessing swaps channels and subtracts means


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    monkeypatch.setitem(APPLICATIONS, "nasnet-large", SMALL)
    monkeypatch.setitem(APPLICATIONS, "resnet50-v2", CAFFE)


def build(application, seed):
    keras.utils.set_random_seed(seed)
    shape = (application.image_size, application.image_size, 3)
    builder = getattr(keras.applications, application.builder)
    return builder(include_top=False, weights=None, input_shape=shape, pooling="avg")


@pytest.fixture(scope="module")
def networks():
    return {"nasnet-large": build(SMALL, 0), "resnet50-v2": build(CAFFE, 0)}


@pytest.fixture(scope="module")
def files(networks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for name, network in networks.items():
        network.save_weights(folder / f"{name}.weights.h5")
    return {name: folder / f"{name}.weights.h5" for name in networks}


@pytest.fixture(scope="module")
def loaded(files):
    """Return an extractor by name, loaded once."""
    return functools.cache(lambda name: extractors.load(name, str(files[name])))


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["nasnet-large", "resnet50-v2"])
def test_features_are_the_networks_own_of_pictures_resized_antialiased_and_preprocessed_its_way(
    name, networks, loaded, pictures
):
    extractor = loaded(name)
    application = APPLICATIONS[name]
    size = (application.image_size, application.image_size)
    planes = [
        [np.asarray(Image.fromarray(plane.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)) for plane in one]
        for one in np.moveaxis(pictures, -1, 1)
    ]
    resized = np.moveaxis(np.array(planes), 1, -1).clip(0, 255)
    preprocess = getattr(keras.applications, application.module).preprocess_input
    expected = networks[name].predict_on_batch(preprocess(resized))
    features = extractor.features(pictures)
    assert (features.shape, features.dtype) == ((3, extractor.dimension), np.float32)
    assert np.linalg.norm(features - expected) < 1e-4 * np.linalg.norm(expected)
    assert (extractor.name, extractor.image_size) == (name, application.image_size)


def test_features_do_not_depend_on_the_batch(loaded, pictures):
    extractor = loaded("nasnet-large")
    together = extractor.features(pictures, 3)
    np.testing.assert_allclose(extractor.features(pictures, 2), together, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(extractor.features(pictures, 3), together)


def test_the_fingerprint_is_the_weights(loaded, networks, files, tmp_path):
    before = loaded("nasnet-large").fingerprint
    assert KerasApplication("nasnet-large", files["nasnet-large"]).fingerprint == before
    other = networks["nasnet-large"]
    arrays = other.get_weights()
    other.set_weights([*arrays[:-1], arrays[-1] + 1])
    other.save_weights(tmp_path / "other.weights.h5")
    other.set_weights(arrays)
    assert KerasApplication("nasnet-large", tmp_path / "other.weights.h5").fingerprint != before


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".npz"])
def test_a_file_that_is_no_weights_is_refused_in_one_line(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(b"no weights at all")
    with pytest.raises(
        PedigreeError, match=r"not weights of MobileNet without its top layers \(.+\)\. score\.weights"
    ) as message:
        extractors.load("nasnet-large", path)
    assert str(message.value).startswith(str(path))
    assert "\n" not in str(message.value)


def test_another_networks_weights_are_refused(files):
    with pytest.raises(PedigreeError, match=r"not weights of MobileNet without its top"):
        extractors.load("nasnet-large", files["resnet50-v2"])


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(
        PedigreeError, match=r"^missing\.h5 does not exist: score\.weights must be the path of the weights of nasnet"
    ):
        extractors.load("nasnet-large", "missing.h5")


def test_without_weights_keras_fetches_its_own_and_no_network_is_told_in_one_line(monkeypatch, tmp_path):
    """The way out leads to a port where nobody listens, and Keras's cache is empty."""
    from keras.src.utils import file_utils

    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(urllib.request, "_opener", None)  # or one from an earlier test goes another way
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    with pytest.raises(
        PedigreeError, match=r"Keras could not download the weights of MobileNet \(.*refused.*\): check"
    ):
        extractors.load("nasnet-large")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("application", ORIGINALS.values(), ids=list(ORIGINALS))
def test_keras_has_the_networks_and_how_their_pictures_are_prepared(application):
    assert callable(getattr(keras.applications, application.builder))
    preprocess = getattr(keras.applications, application.module).preprocess_input
    np.testing.assert_array_equal(preprocess(np.array([[[0.0, 127.5, 255.0]]])), [[[-1.0, 0.0, 1.0]]])
