"""Inception of 2015-12-05, a frozen TensorFlow graph. Every published FID uses its features (Heusel et al., 2017).

The input is the output of `ExpandDims`: RGB in 0..255 as float. The graph itself resizes pictures to 299 px with the
bilinear resizing of TensorFlow 1, which is neither antialiased nor centred on pixels. Its output `pool_3` has 2,048
pooled features.
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
_ADVICE = f"score.weights must be the path of {MEMBER} or of the archive from `pedigree fetch inception-2015`."


class Inception2015:
    """The extractor `inception-2015`. It always uses TensorFlow, with any backend of Keras.

    The graph runs in a session of TensorFlow 1. Later graph versions do not have its batch normalisation, so it cannot
    be part of a `tf.function`.
    """

    name = "inception-2015"
    image_size = 299
    dimension = 2048

    def __init__(self, weights: Path, sha256: str = SHA256) -> None:
        """Load the graph.

        Args:
            weights: the graph (`classify_image_graph_def.pb`), or the archive that contains it.
            sha256: the expected SHA-256 of the graph.

        Raises:
            PedigreeError: the file cannot be read, is not such a graph, or has another SHA-256.
        """
        content = read_graph(weights)
        self._sha256 = hashlib.sha256(content).hexdigest()
        graph = _parsed(content, weights)
        _check_digest(self._sha256, sha256, weights)
        self._pooled = _callable(graph)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the graph, this code and TensorFlow's version."""
        import tensorflow

        return fingerprint(self._sha256, tensorflow.__version__, code=__file__)

    def features(self, images: Pictures, batch_size: int = 32) -> Floats:
        """Return `pool_3` of each image.

        Args:
            images: `(n, height, width, 3)` uint8 RGB, of any one size.
            batch_size: how many the network takes at once; it only changes the rounding.

        Returns:
            `(n, 2048)` float32.
        """
        return extract(self._batch, images, batch_size, self.dimension)

    def _batch(self, images: Pictures) -> Floats:
        return self._pooled(images.astype(np.float32)).reshape(len(images), self.dimension)


def fetch(out: Path = ARCHIVE) -> None:
    """Download the archive from its publisher to `out` and verify it. An interrupted download continues.

    Raises:
        PedigreeError: the download failed; the message says why and what to do.
    """
    fetching.fetch(URL, out, lambda path: _check_digest(hashlib.sha256(read_graph(path)).hexdigest(), SHA256, path))


def read_graph(path: Path) -> bytes:
    """Return the bytes of the frozen graph: the file at `path` or, if that is an archive, its member `MEMBER`.

    Raises:
        PedigreeError: the file cannot be read, or it is an archive that is damaged or does not contain the graph.
    """
    try:
        with path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        return _member(path) if is_gzip else path.read_bytes()
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise PedigreeError(f"{path}: damaged archive ({error}). Download it again.") from None
    except OSError as error:
        raise PedigreeError(f"{path}: the weights cannot be read: {error.strerror}.") from None


def _member(path: Path) -> bytes:
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.isfile() and Path(member.name).name == MEMBER:
                file = archive.extractfile(member)
                return file.read() if file else b""
    raise PedigreeError(
        f"{path}: the archive does not contain {MEMBER}. Download {ARCHIVE.name} with `pedigree fetch inception-2015`."
    )


def _parsed(content: bytes, path: Path) -> Any:
    """Return the graph without its fixed shapes, which are those of a single picture."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.compat import v1

    graph = v1.GraphDef()
    try:
        graph.ParseFromString(content)
    except DecodeError:
        raise PedigreeError(f"{path}: neither a TensorFlow graph nor an archive of one. {_ADVICE}") from None
    missing = {_INPUT, _OUTPUT} - {node.name for node in graph.node}
    if missing:
        raise PedigreeError(f"{path}: the graph has no {' and no '.join(sorted(missing))}. {_ADVICE}")
    for node in graph.node:
        node.attr.pop("_output_shapes", None)
    return graph


def _check_digest(received: str, expected: str, path: Path) -> None:
    if received != expected:
        raise PedigreeError(
            f"{path}: {MEMBER} has SHA-256 {received}, expected {expected}. It is damaged or another version; only the "
            f"graph of 2015-12-05 gives an FID."
        )


def _callable(graph: Any) -> Callable[[Floats], Floats]:
    """Return a function from `(batch, height, width, 3)` float32 RGB in 0..255 to `pool_3`, `(batch, 1, 1, 2048)`."""
    from tensorflow.compat import v1

    with v1.Graph().as_default() as home:
        images = v1.placeholder(v1.float32, (None, None, None, 3))
        (pooled,) = v1.import_graph_def(graph, {f"{_INPUT}:0": images}, [f"{_OUTPUT}:0"], name="")
    session = v1.Session(graph=home, config=v1.ConfigProto(allow_soft_placement=True))
    run: Callable[[Floats], Floats] = session.make_callable(pooled, [images])
    return run
