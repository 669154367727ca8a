"""Inception of 2015-12-05, a frozen TensorFlow graph: the features of every published FID (Heusel et al., 2017).

Pictures enter at the output of `ExpandDims`, as RGB in 0..255 in float; the graph resizes them to 299 px itself, with
TensorFlow 1's bilinear that is neither antialiased nor centred on pixels, and `pool_3` is its 2,048 pooled features.
"""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pedigree.errors import PedigreeError
from pedigree.features.extractors import fetching
from pedigree.features.extractors.extraction import Floats, Pictures, extract, fingerprint

URL = "https://storage.googleapis.com/download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
ARCHIVE = Path("weights/inception-2015-12-05.tgz")
MEMBER = "classify_image_graph_def.pb"
SHA256 = "009d6814d1bc560d4e7b236e170e9b2d5ca6f4b57bd8037f6db05776204415c6"  # of MEMBER, 95,673,916 bytes

_INPUT, _OUTPUT = "ExpandDims", "pool_3"
_ADVICE = f"score.weights must name {MEMBER} or the archive that `pedigree fetch inception-2015` gets."


class Inception2015:
    """The extractor `inception-2015`; TensorFlow's, whatever backend Keras has.

    The graph goes through a session of TensorFlow 1: its batch normalisation was removed from later graph versions, so
    that no `tf.function` may hold it.
    """

    name = "inception-2015"
    image_size = 299
    dimension = 2048

    def __init__(self, weights: Path, sha256: str = SHA256) -> None:
        """Load the graph.

        Args:
            weights: the graph (`classify_image_graph_def.pb`), or the archive that holds it.
            sha256: what the graph's SHA-256 must be.

        Raises:
            PedigreeError: the file cannot be read, is no such graph, or another than `sha256` says.
        """
        content = read_graph(weights)
        self._sha256 = hashlib.sha256(content).hexdigest()
        graph = _parsed(content, weights)
        _check_digest(self._sha256, sha256, weights)
        self._pooled = _callable(graph)

    @cached_property
    def fingerprint(self) -> str:
        """What the features depend on besides the images: the graph, this code and TensorFlow."""
        import tensorflow

        return fingerprint(self._sha256, tensorflow.__version__, code=__file__)

    def features(self, images: Pictures, batch_size: int = 32) -> Floats:
        """Return `pool_3` of each image.

        Args:
            images: `(n, height, width, 3)` uint8 RGB, of any one size.
            batch_size: how many go through the network at once; the result does not depend on it beyond rounding.

        Returns:
            `(n, 2048)` float32.
        """
        return extract(self._batch, images, batch_size, self.dimension)

    def _batch(self, images: Pictures) -> Floats:
        return self._pooled(images.astype(np.float32)).reshape(len(images), self.dimension)


def fetch(out: Path = ARCHIVE) -> None:
    """Download the archive from its publisher to `out`, continuing where an earlier try broke off, and verify it.

    Raises:
        PedigreeError: saying what went wrong and what to do.
    """
    fetching.fetch(URL, out, lambda path: _check_digest(hashlib.sha256(read_graph(path)).hexdigest(), SHA256, path))


def read_graph(path: Path) -> bytes:
    """Return the frozen graph's bytes: all of the file `path`, or the member of that name where it is a tar.

    Raises:
        PedigreeError: the file cannot be read, is a damaged archive, or an archive of something else.
    """
    try:
        with path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        return _member(path) if is_gzip else path.read_bytes()
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise PedigreeError(f"{path}: a damaged archive ({error}): fetch it again.") from None
    except OSError as error:
        raise PedigreeError(f"{path}: the weights cannot be read: {error.strerror}.") from None


def _member(path: Path) -> bytes:
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.isfile() and Path(member.name).name == MEMBER:
                file = archive.extractfile(member)
                return file.read() if file else b""
    raise PedigreeError(f"{path}: an archive without {MEMBER}: get {ARCHIVE.name} by `pedigree fetch inception-2015`.")


def _parsed(content: bytes, path: Path) -> Any:
    """Return the graph, without the shapes it was written for (one picture)."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.compat import v1

    graph = v1.GraphDef()
    try:
        graph.ParseFromString(content)
    except DecodeError:
        raise PedigreeError(f"{path}: not a TensorFlow graph, nor an archive of one: {_ADVICE}") from None
    missing = {_INPUT, _OUTPUT} - {node.name for node in graph.node}
    if missing:
        raise PedigreeError(f"{path}: a graph without {' and '.join(sorted(missing))}: {_ADVICE}")
    for node in graph.node:
        node.attr.pop("_output_shapes", None)
    return graph


def _check_digest(received: str, expected: str, path: Path) -> None:
    if received != expected:
        raise PedigreeError(
            f"{path}: {MEMBER} has SHA-256 {received} where {expected} was expected: damaged, or not the graph of "
            f"2015-12-05, whose features alone make an FID."
        )


def _callable(graph: Any) -> Callable[[Floats], Floats]:
    """Return what turns `(batch, height, width, 3)` float32 RGB in 0..255 into `pool_3`, `(batch, 1, 1, 2048)`."""
    from tensorflow.compat import v1

    with v1.Graph().as_default() as home:
        images = v1.placeholder(v1.float32, (None, None, None, 3))
        (pooled,) = v1.import_graph_def(graph, {f"{_INPUT}:0": images}, [f"{_OUTPUT}:0"], name="")
    session = v1.Session(graph=home, config=v1.ConfigProto(allow_soft_placement=True))
    run: Callable[[Floats], Floats] = session.make_callable(pooled, [images])
    return run
