"""Inception of 2015: how the frozen graph is loaded, shown on a small one with the same nodes, written for one picture.

The canonical weights are no part of the project; what they give has not been run here.
"""

import hashlib
import io
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from pedigree.errors import PedigreeError, UsageError
from pedigree.features import extractors
from pedigree.features.extractors.inception_2015 import MEMBER, Inception2015

STRIDE = 42  # of the one convolution: 299 px become 8, as in the original


def value(**kind):
    from tensorflow.compat import v1

    return v1.AttrValue(**kind)


def integers(*numbers):
    attribute = value()
    attribute.list.i.extend(numbers)
    return attribute


def add(graph, name, operation, *inputs, **attributes):
    node = graph.node.add(name=name, op=operation, input=inputs)
    for key, attribute in attributes.items():
        node.attr[key].CopyFrom(attribute)
    return node


def constant(graph, name, array):
    import tensorflow as tf

    array = np.asarray(array)
    kind = value(type=tf.as_dtype(array.dtype).as_datatype_enum)
    add(graph, name, "Const", dtype=kind, value=value(tensor=tf.make_tensor_proto(array)))


def convolution(graph, real):
    """A convolution as the original has them, with the batch normalisation that TensorFlow removed in version 9."""
    rng = np.random.default_rng(0)
    constant(graph, "conv/conv2d_params", rng.normal(0, 0.3, (3, 3, 3, 2048)).astype(np.float32))
    add(
        graph, "conv/Conv2D", "Conv2D", "Mul", "conv/conv2d_params",
        T=real, strides=integers(1, STRIDE, STRIDE, 1), padding=value(s=b"VALID"),
    )  # fmt: skip
    moments = ["conv/batchnorm/mean", "conv/batchnorm/var", "conv/batchnorm/beta", "conv/batchnorm/gamma"]
    for name, centre in zip(moments, (0, 1, 0.1, 1), strict=True):
        constant(graph, name, (centre + rng.uniform(0, 0.1, 2048)).astype(np.float32))
    add(
        graph, "conv/batchnorm", "BatchNormWithGlobalNormalization", "conv/Conv2D", *moments,
        T=real, variance_epsilon=value(f=0.001), scale_after_normalization=value(b=False),
    )  # fmt: skip
    add(graph, "conv/CheckNumerics", "CheckNumerics", "conv/batchnorm", T=real, message=value(s=b"not finite"))
    add(graph, "conv/control_dependency", "Identity", "conv/batchnorm", "^conv/CheckNumerics", T=real)
    add(graph, "conv", "Relu", "conv/control_dependency", T=real)


def small_graph():
    """Return a graph with the original's nodes from the JPEG to `pool_3`, but for all convolutions save one."""
    from tensorflow.compat import v1

    graph, real = v1.GraphDef(), value(type=1)
    graph.versions.producer = 8
    constant(graph, "DecodeJpeg/contents", np.array(b"", object))
    add(graph, "DecodeJpeg", "DecodeJpeg", "DecodeJpeg/contents", channels=value(i=3))
    add(graph, "Cast", "Cast", "DecodeJpeg", SrcT=value(type=4), DstT=real)
    constant(graph, "ExpandDims/dim", np.int32(0))
    add(graph, "ExpandDims", "ExpandDims", "Cast", "ExpandDims/dim", T=real)
    constant(graph, "ResizeBilinear/size", np.array([299, 299], np.int32))
    add(graph, "ResizeBilinear", "ResizeBilinear", "ExpandDims", "ResizeBilinear/size", T=real)
    for name, operand, before in (("Sub", 128, "ResizeBilinear"), ("Mul", 1 / 128, "Sub")):
        constant(graph, f"{name}/y", np.float32(operand))
        add(graph, name, name, before, f"{name}/y", T=real)
    convolution(graph, real)
    window, step = integers(1, 8, 8, 1), integers(1, 1, 1, 1)
    pool = add(graph, "pool_3", "AvgPool", "conv", T=real, ksize=window, strides=step, padding=value(s=b"VALID"))
    one_picture = pool.attr["_output_shapes"].list.shape.add()
    for size in (1, 1, 1, 2048):
        one_picture.dim.add(size=size)
    return graph


def archived(path, name, content):
    with tarfile.open(path, "w:gz") as archive:
        for member, data in (("LICENSE", b"Apache"), (name, content)):
            header = tarfile.TarInfo(member)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return path


@pytest.fixture(scope="module")
def content():
    return small_graph().SerializeToString()


@pytest.fixture(scope="module")
def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def file(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / MEMBER
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def extractor(file, sha256):
    return Inception2015(file, sha256)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).integers(0, 256, (5, 48, 40, 3), dtype=np.uint8)


def resized(picture):
    """Resize to 299 px as TensorFlow 1 did: bilinear between the pixels at floor(i * before / 299) and the next."""
    for axis in (0, 1):
        before = picture.shape[axis]
        places = np.arange(299) * (before / 299)
        low = np.floor(places).astype(int)
        share = (places - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        lower, upper = picture.take(low, axis), picture.take(np.minimum(low + 1, before - 1), axis)
        picture = lower + (upper - lower) * share
    return picture


def expected(picture):
    """Compute the small graph's `pool_3` of one picture in NumPy, from its definition."""
    from tensorflow import make_ndarray

    held = {node.name: make_ndarray(node.attr["value"].tensor) for node in small_graph().node if node.op == "Const"}
    x = (resized(picture.astype(np.float64)) - 128) / 128
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (0, 1))[::STRIDE, ::STRIDE]
    x = np.einsum("hwcij,ijco->hwo", windows, held["conv/conv2d_params"])
    mean, variance, shift = (held[f"conv/batchnorm/{name}"] for name in ("mean", "var", "beta"))
    return np.maximum((x - mean) / np.sqrt(variance + 0.001) + shift, 0).mean((0, 1))


def test_features_are_pool_3_of_rgb_resized_by_the_graph_itself(extractor, pictures):
    features = extractor.features(pictures)
    assert (features.shape, features.dtype) == ((5, 2048), np.float32)
    np.testing.assert_allclose(features, [expected(picture) for picture in pictures], rtol=1e-3, atol=1e-4)


def test_a_graph_written_for_one_picture_takes_any_number_at_once(extractor, pictures):
    together = extractor.features(pictures, 5)
    for size in (1, 2, 4):
        np.testing.assert_allclose(extractor.features(pictures, size), together, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(extractor.features(pictures[::-1], 3)[::-1], together, rtol=1e-5, atol=1e-6)
    assert extractor.features(pictures[:0]).shape == (0, 2048)


def test_the_same_pictures_get_the_same_bits(extractor, pictures):
    np.testing.assert_array_equal(extractor.features(pictures), extractor.features(pictures))


def test_two_extractors_and_pictures_of_other_sizes_do_not_disturb_each_other(extractor, file, sha256, pictures):
    before = extractor.features(pictures)
    extractor.features(np.zeros((2, 299, 299, 3), np.uint8))
    np.testing.assert_array_equal(Inception2015(file, sha256).features(pictures), before)
    np.testing.assert_array_equal(extractor.features(pictures), before)


def test_what_is_no_stack_of_rgb_pictures_is_refused(extractor):
    with pytest.raises(ValueError, match=r"shape \(n, height, width, 3\), uint8\. Received: "):
        extractor.features(np.zeros((2, 8, 8, 3), np.float32))


def test_the_archive_gives_what_the_file_in_it_gives(extractor, content, sha256, pictures, tmp_path):
    archive = archived(tmp_path / "any name", f"./{MEMBER}", content)
    from_archive = Inception2015(archive, sha256)
    np.testing.assert_array_equal(from_archive.features(pictures), extractor.features(pictures))
    assert from_archive.fingerprint == extractor.fingerprint


def test_other_weights_have_another_fingerprint(extractor, tmp_path):
    graph = small_graph()
    graph.node[-1].attr["padding"].s = b"SAME"
    content = graph.SerializeToString()
    (tmp_path / "other.pb").write_bytes(content)
    other = Inception2015(tmp_path / "other.pb", hashlib.sha256(content).hexdigest())
    assert other.fingerprint != extractor.fingerprint


def without(node):
    graph = small_graph()
    del graph.node[[one.name for one in graph.node].index(node) :]
    return graph.SerializeToString()


WRONG = {
    "empty": (lambda content: b"", r"the graph has no ExpandDims and no pool_3\. score\.weights must be"),
    "text": (lambda content: b"no graph at all", r"neither a TensorFlow graph nor an archive of one\. score\.weights"),
    "page": (lambda content: b"<!DOCTYPE html><html></html>", r"neither a TensorFlow graph"),
    "cut": (lambda content: content[:-100], r"neither a TensorFlow graph"),
    "no pool_3": (lambda content: without("pool_3"), r"the graph has no pool_3\. score\.weights must be"),
    "no input": (lambda content: without("ExpandDims"), r"the graph has no ExpandDims and no pool_3"),
    "another": (lambda content: content, r"has SHA-256 [0-9a-f]{64}, expected 009d6814[0-9a-f]{56}\. It is damaged"),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_is_not_the_graph_of_2015_is_refused_in_one_line(tmp_path, content, kind, packed):
    make, message = WRONG[kind]
    path = tmp_path / "w"
    if packed:
        archived(path, MEMBER, make(content))
    else:
        path.write_bytes(make(content))
    with pytest.raises(PedigreeError, match=message) as refused:
        extractors.load("inception-2015", path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.99])
def test_a_truncated_archive_is_refused(tmp_path, content, share):
    whole = archived(tmp_path / "whole.tgz", MEMBER, content).read_bytes()
    path = tmp_path / "cut.tgz"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(PedigreeError, match=r"cut\.tgz: damaged archive \(.+\)\. Download it again\.$"):
        extractors.load("inception-2015", path)


def test_an_archive_of_something_else_is_refused(tmp_path, content):
    path = archived(tmp_path / "w.tgz", "graph.pb", content)
    with pytest.raises(
        PedigreeError, match=rf"w\.tgz: the archive does not contain {MEMBER}\. Download .* with `pedigree fetch"
    ):
        extractors.load("inception-2015", path)


def test_without_weights_it_is_told_how_to_get_them():
    with pytest.raises(UsageError, match=r"needs a file: `pedigree fetch inception-2015` downloads it \(89 MB\)"):
        extractors.load("inception-2015")


@pytest.mark.parametrize("path", ["missing.pb", "."])
def test_a_file_that_is_not_there_is_told(path):
    with pytest.raises(
        PedigreeError, match=r"does not exist: score\.weights must be the path of the weights of inception-2015\.$"
    ):
        extractors.load("inception-2015", path)


def test_a_mistake_is_told_before_anything_heavy_is_imported():
    code = (
        "import sys\nfrom pedigree.features import extractors\n"
        "try: extractors.load('inception-2015')\nexcept Exception as error: print(type(error).__name__)\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["UsageError", "set()"]
