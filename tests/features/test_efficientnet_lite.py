"""EfficientNet-Lite: the same numbers as the original's, from weights that are read without trusting their file."""

import hashlib
import itertools
import os
import pickle
import sys
import types
import typing
from collections import Counter

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from pedigree.errors import PedigreeError, UsageError
from pedigree.features import extractors
from pedigree.features.extractors import checkpoint, efficientnet_lite
from pedigree.settings import params

GOLDEN = ROOT / "tests" / "data" / "efficientnet_lite0.npz"  # written by bench/extractor.py


@pytest.fixture(scope="module")
def extractor():
    return extractors.load("efficientnet-lite0")


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as content:
        return dict(content)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (5, 48, 48, 3), dtype=np.uint8)


def relative_error(received, expected):
    return np.linalg.norm(received - expected) / np.linalg.norm(expected)


def test_a_picture_of_its_own_size_gets_the_originals_features_and_logits(extractor, golden):
    features = extractor.features(golden["small"].repeat(8, 0).repeat(8, 1)[None])
    assert relative_error(features[0], golden["features"][0]) < 1e-5
    assert relative_error(extractor.logits(features), golden["logits"]) < 1e-5


def test_a_small_picture_gets_the_originals_features_of_what_pillow_makes_of_it(extractor, golden):
    assert relative_error(extractor.features(golden["small"][None])[0], golden["features"][1]) < 1e-5


@pytest.mark.parametrize("shape", [(32, 32), (48, 40), (224, 224), (300, 250)])
def test_resizing_is_pillows_antialiased_bicubic_in_float(shape):
    from pedigree.features.extractors.resizing import resize

    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.float32)
    planes = [
        Image.fromarray(plane).resize((224, 224), Image.Resampling.BICUBIC) for plane in np.moveaxis(picture, -1, 0)
    ]
    expected = np.stack([np.asarray(plane) for plane in planes], axis=-1).clip(0, 255)
    np.testing.assert_allclose(np.asarray(resize(picture[None], 224))[0], expected, atol=2e-3)


def test_features_do_not_depend_on_the_batch(extractor, pictures):
    together = extractor.features(pictures, 5)
    for size in (1, 2):
        assert relative_error(extractor.features(pictures, size), together) < 1e-5
    assert relative_error(extractor.features(pictures[::-1], 3)[::-1], together) < 1e-5


def test_the_same_pictures_get_the_same_bits(extractor, pictures):
    np.testing.assert_array_equal(extractor.features(pictures), extractor.features(pictures))


def test_no_pictures_have_no_features(extractor, pictures):
    assert extractor.features(pictures[:0]).shape == (0, 1280)


@pytest.mark.parametrize(
    "images", [np.zeros((2, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8), np.zeros((2, 8, 8, 1), np.uint8)]
)
def test_what_is_no_stack_of_rgb_pictures_is_refused(extractor, images):
    with pytest.raises(ValueError, match=r"shape \(n, height, width, 3\), uint8\. Received: "):
        extractor.features(images)


def test_an_unknown_extractor_is_refused_by_name():
    with pytest.raises(ValueError, match=r"efficientnet-lite0, .*resnet50-v2\. Received: 'inception'"):
        extractors.load("inception")


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite0-bfloat16", "efficientnet-lite2"])
def test_weights_from_elsewhere_are_refused(name, tmp_path):
    with pytest.raises(UsageError, match=rf"score\.weights must be null: {name} has its own weights\. Received: 'w'"):
        extractors.load(name, "w")


def test_every_extractor_that_params_yaml_admits_is_known_here():
    admitted = typing.get_type_hints(params.Score)["extractor"]
    assert sorted(typing.get_args(admitted)) == sorted(extractors.NAMES)


@pytest.fixture(scope="module")
def halved():
    return extractors.load("efficientnet-lite0-bfloat16")


def test_bfloat16_is_near_float32_and_says_that_it_is_another_network(extractor, halved, golden):
    enlarged = golden["small"].repeat(8, 0).repeat(8, 1)[None]
    features = halved.features(enlarged)
    assert features.dtype == np.float32
    assert 1e-4 < relative_error(features[0], golden["features"][0]) < 0.1
    assert relative_error(halved.logits(features)[0], golden["logits"].ravel()) < 0.1
    assert halved.name != extractor.name
    assert halved.fingerprint != extractor.fingerprint


def test_bfloat16_does_not_depend_on_the_batch(halved, pictures):
    together = halved.features(pictures, 5)
    assert relative_error(halved.features(pictures, 2), together) < 0.02
    np.testing.assert_array_equal(halved.features(pictures, 5), together)


class Counted(dict):
    """Weights that count how often each is read."""

    def __init__(self, weights):
        super().__init__(weights)
        self.reads = Counter()

    def __getitem__(self, name):
        self.reads[name] += 1
        return super().__getitem__(name)


@pytest.mark.parametrize("variant", efficientnet_lite.VARIANTS.values(), ids=list(efficientnet_lite.VARIANTS))
def test_the_network_uses_each_tensor_of_its_package_once(variant):
    weights = Counted(efficientnet_lite.read_weights(variant))
    efficientnet_lite.build(variant, weights, "float32")
    others = ("_fc.weight", "_fc.bias", "num_batches_tracked")  # the classifier's, and counts of training batches
    assert weights.reads == {name: 1 for name in weights if not name.endswith(others)}


# Lite2 against its definition, written in NumPy. Sizes and numbers of blocks come from the shapes of the weights.

HALVING = (1, 4, 7, 15)  # blocks with stride 2: the first of B0's stages 2, 3, 4 and 6


def convolved(x, kernel, stride):
    """Convolve `(height, width, channels)` with PyTorch's kernel, and TensorFlow's padding "same"."""
    side = kernel.shape[-1]
    missing = [max((-(-n // stride) - 1) * stride + side - n, 0) for n in x.shape[:2]]
    padded = np.pad(x, [*((n // 2, n - n // 2) for n in missing), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), (0, 1))[::stride, ::stride]
    if kernel.shape[1] == 1 and side > 1:
        return np.einsum("hwcij,cij->hwc", windows, kernel[:, 0])
    return np.tensordot(windows, kernel, ([2, 3, 4], [1, 2, 3]))


def defined_features(weights, picture):
    """Return the pooled features of a picture, `(height, width, 3)` in 0..255, with batch normalisation as it is."""

    def layer(x, name, norm, stride=1, activate=True):
        x = convolved(x, weights[f"{name}.weight"], stride)
        mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
        x = (x - mean) / np.sqrt(variance + 1e-3) * weights[f"{norm}.weight"] + weights[f"{norm}.bias"]
        return np.clip(x, 0, 6) if activate else x

    x = layer((picture - np.float32(127)) / np.float32(128), "_conv_stem", "_bn0", 2)
    for index in itertools.takewhile(lambda n: f"_blocks.{n}._bn1.weight" in weights, itertools.count()):
        block, entering = f"_blocks.{index}.", x
        if f"{block}_expand_conv.weight" in weights:
            x = layer(x, f"{block}_expand_conv", f"{block}_bn0")
        x = layer(x, f"{block}_depthwise_conv", f"{block}_bn1", 2 if index in HALVING else 1)
        x = layer(x, f"{block}_project_conv", f"{block}_bn2", activate=False)
        x = x + entering if x.shape == entering.shape else x
    return layer(x, "_conv_head", "_bn1").mean((0, 1))


def test_feature_maps_have_four_strides_and_lead_to_the_features(extractor):
    variant = efficientnet_lite.VARIANTS["efficientnet-lite0"]
    weights = efficientnet_lite.read_weights(variant)
    network = efficientnet_lite.feature_maps(variant, weights, "float32")
    pictures = np.random.default_rng(3).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    small, maps = network(pictures[:, :64, :96].astype(np.float32)), network(pictures.astype(np.float32))
    channels = enumerate((24, 40, 112, 320))
    assert [each.shape for each in small] == [(2, 16 >> level, 24 >> level, count) for level, count in channels]
    scale, shift = efficientnet_lite._folded(weights, "_bn1")
    last = np.array(maps[-1]) @ (weights["_conv_head.weight"][:, :, 0, 0].T * scale) + shift
    assert relative_error(np.clip(last, 0, 6).mean((1, 2)), extractor.features(pictures)) < 1e-4


@pytest.fixture(scope="module")
def larger():
    return extractors.load("efficientnet-lite2")


def test_lite2_computes_its_definition(larger):
    picture = np.random.default_rng(2).integers(0, 256, (13, 13, 3), dtype=np.uint8).repeat(20, 0).repeat(20, 1)
    expected = defined_features(efficientnet_lite.read_weights(efficientnet_lite.VARIANTS[larger.name]), picture)
    assert relative_error(larger.features(picture[None])[0], expected) < 1e-4


def test_lite2_has_features_and_logits_of_the_same_form_as_lite0_and_other_numbers(larger, extractor, pictures):
    features, smaller = larger.features(pictures), extractor.features(pictures)
    assert (larger.image_size, larger.dimension) == (260, 1280)
    assert features.shape == smaller.shape and features.dtype == np.float32
    assert larger.logits(features).shape == (5, 1000)
    assert larger.fingerprint != extractor.fingerprint
    assert relative_error(features, smaller) > 0.1


# The weights' file.


class Storage:
    def __init__(self, array, key, announced=None):
        self.array, self.key, self.announced = array, key, announced or array.size


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.arguments = storage, offset, shape, strides, False, {}


@pytest.fixture
def torch_names(monkeypatch):
    """Stand-ins for the names that PyTorch's own pickles use, so that the test can write such a file."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
    torch.LongStorage = type("LongStorage", (), {"__module__": "torch"})
    utils._rebuild_tensor_v2 = types.FunctionType((lambda *_: None).__code__, {}, "_rebuild_tensor_v2")
    utils._rebuild_tensor_v2.__module__, utils._rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    torch._utils = utils
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


def write(path, torch, tensors):
    """Write tensors as torch.save did before 1.6."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            if not isinstance(thing, Storage):
                return None
            kind = torch.FloatStorage if thing.array.dtype == np.float32 else torch.LongStorage
            return "storage", kind, thing.key, "cpu", thing.announced, None

        def reducer_override(self, thing):
            return (torch._utils._rebuild_tensor_v2, thing.arguments) if isinstance(thing, Tensor) else NotImplemented

    storages = {
        tensor.arguments[0].key: tensor.arguments[0] for tensor in tensors.values() if isinstance(tensor, Tensor)
    }
    with path.open("wb") as file:
        for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(header, file, 2)
        Pickler(file, 2).dump(tensors)
        pickle.dump(sorted(storages), file, 2)
        for key in sorted(storages):
            array = storages[key].array
            file.write(array.size.to_bytes(8, "little") + array.tobytes())


def test_tensors_come_back_whatever_their_strides_offset_and_type(tmp_path, torch_names):
    numbers, count = Storage(np.arange(12, dtype=np.float32), "a"), Storage(np.array([7], np.int64), "b")
    tensors = {
        "whole": Tensor(numbers, 0, (3, 4), (4, 1)),
        "transposed": Tensor(numbers, 0, (4, 3), (1, 4)),
        "part": Tensor(numbers, 5, (2, 2), (4, 1)),
        "scalar": Tensor(count, 0, (), ()),
        "empty": Tensor(numbers, 0, (0, 4), (4, 1)),
    }
    write(tmp_path / "w.pth", torch_names, tensors)
    read = checkpoint.read_checkpoint(tmp_path / "w.pth")
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    expected = {
        "whole": table,
        "transposed": table.T,
        "part": table[1:, 1:3],
        "scalar": np.int64(7),
        "empty": table[:0],
    }
    assert list(read) == list(tensors)
    for name, array in expected.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].shape == array.shape


@pytest.mark.parametrize(
    ("announced", "offset", "shape", "strides", "message"),
    [
        (None, 0, (13,), (1,), "beyond its storage"),
        (None, 9, (2, 2), (4, 1), "beyond its storage"),
        (None, 0, (3,), (-1,), "negative size"),
        (None, -1, (3,), (1,), "negative size"),
        (None, 0, (3, 4), (1,), "has no numbers"),
        (99, 0, (3,), (1,), "12 numbers instead of 99"),
    ],
)
def test_a_tensor_that_does_not_fit_its_numbers_is_refused(
    tmp_path, torch_names, announced, offset, shape, strides, message
):
    storage = Storage(np.arange(12, dtype=np.float32), "a", announced)
    write(tmp_path / "w.pth", torch_names, {"w": Tensor(storage, offset, shape, strides)})
    with pytest.raises(PedigreeError, match=message):
        checkpoint.read_checkpoint(tmp_path / "w.pth")


class Hostile:
    def __init__(self, call, *arguments):
        self.call = call, arguments

    def __reduce__(self):
        return self.call


def test_a_pickle_that_would_run_code_is_refused_before_it_does(tmp_path, torch_names):
    victim = tmp_path / "victim"
    write(tmp_path / "w.pth", torch_names, {"w": Hostile(os.mkdir, str(victim))})
    with pytest.raises(PedigreeError, match=r"it refers to \w+\.mkdir, which.*Reinstall its package\."):
        checkpoint.read_checkpoint(tmp_path / "w.pth")
    assert not victim.exists()


@pytest.mark.parametrize("call", [eval, exec, getattr, __import__])
def test_builtins_are_refused(tmp_path, torch_names, call):
    write(tmp_path / "w.pth", torch_names, {"w": Hostile(call, "1")})
    with pytest.raises(PedigreeError, match=rf"it refers to \w+\.{call.__name__}, which"):
        checkpoint.read_checkpoint(tmp_path / "w.pth")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"weights", pickle.dumps({"w": 1}, 2)])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(PedigreeError, match=r"w\.pth: the checkpoint is damaged or unsafe: \S"):
        checkpoint.read_checkpoint(tmp_path / "w.pth")


def test_a_truncated_checkpoint_is_refused(tmp_path, torch_names):
    write(tmp_path / "w.pth", torch_names, {"w": Tensor(Storage(np.ones(12, np.float32), "a"), 0, (12,), (1,))})
    whole = (tmp_path / "w.pth").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "w.pth").write_bytes(whole[:length])
        with pytest.raises(PedigreeError):
            checkpoint.read_checkpoint(tmp_path / "w.pth")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package that ships one file and whose code would fail if it were imported."""
    facts = tmp_path / "some_weights-1.0.dist-info"
    facts.mkdir()
    (tmp_path / "some_weights").mkdir()
    (tmp_path / "some_weights" / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "some_weights" / "w.pth").write_bytes(b"numbers")
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: some-weights\nVersion: 1.0\n")
    (facts / "RECORD").write_text("some_weights/__init__.py,,\nsome_weights/w.pth,,\nsome_weights/lost.pth,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "some_weights" / "w.pth"


def test_a_packages_file_is_found_without_importing_it_and_refused_once_changed(package):
    sha256 = hashlib.sha256(b"numbers").hexdigest()
    assert checkpoint.locate("some-weights", "w.pth", sha256) == package
    assert "some_weights" not in sys.modules
    package.write_bytes(b"numbess")
    with pytest.raises(
        PedigreeError, match=rf"w\.pth: the weights .* \(SHA-256 \w+, expected {sha256}\): reinstall some-weights"
    ):
        checkpoint.locate("some-weights", "w.pth", sha256)


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        ("some-weights", "other.pth", "The package some-weights has no file other.pth: reinstall it."),
        ("some-weights", "lost.pth", "The package some-weights has no file lost.pth: reinstall it."),
        ("no-such-weights", "w.pth", "The package no-such-weights is not installed: install it"),
    ],
)
def test_a_missing_package_or_file_is_named(package, name, file, message):
    with pytest.raises(PedigreeError, match=message):
        checkpoint.locate(name, file, "")
