"""Features of real pictures, computed once and cached; features of generated pictures, computed as they are drawn."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pedigree.common.files import replacing_file
from pedigree.common.paths import FEATURES
from pedigree.common.progress import progress_bar
from pedigree.features.arrays import read_arrays
from pedigree.features.extractors import Extractor

Images = NDArray[np.uint8]
Features = NDArray[np.float32]
T = TypeVar("T")

_ROWS_AT_ONCE = 1024
_ROWS_A_TICK = 256  # pictures between updates of the progress bar: about two seconds on two cores


class Drawer(Protocol):
    """Draws pictures of breeds in batches, like `pedigree.generator.model.Generator`."""

    @property
    def image_size(self) -> int:
        """The side of the pictures, in pixels."""

    def batches(self, labels: NDArray[np.int32], seed: int) -> Iterator[Images]:
        """Draw one picture for each breed index in `labels` `(n,)`, in order: arrays `(some, size, size, 3)` uint8."""


def cached_features(
    extractor: Extractor,
    images: Images,
    batch_size: int = 32,
    folder: Path = FEATURES,
    *,
    what: str = "crops",
) -> Features:
    """Return the extractor's features of `images`, from the cache in `folder` if they are there.

    Args:
        extractor: the feature network.
        images: `(n, height, width, 3)` uint8 RGB.
        batch_size: how many pictures the network takes at once.
        folder: the cache. Its files may be deleted at any time. A damaged file is computed and written again.
        what: what the progress bar calls the pictures.

    Returns:
        `(n, extractor.dimension)` float32.
    """
    path = folder / f"{extractor.name}-{_digest(extractor, images)}.npz"
    features = read_arrays(path).get("features")
    if features is None or not _are_features(features, len(images), extractor):
        features = _extracted(_sliced(images, batch_size), extractor, len(images), batch_size, what)
        with replacing_file(path) as beside:
            np.savez(beside, features=features)
    return features


def keyed_features(
    extractor: Extractor,
    keys: Sequence[str],
    pictures: Callable[[Sequence[int]], Iterator[Images]],
    batch_size: int = 32,
    folder: Path = FEATURES,
) -> Features:
    """Return the features of pictures that are known by a key. Only pictures with a new key are made and computed.

    There is one file for each version of an extractor. It holds the pictures of the last call that had new ones.

    Args:
        extractor: the feature network.
        keys: one for each picture. Pictures with the same key are the same.
        pictures: yields the pictures with these indices, in order, in parts `(some, height, width, 3)` uint8 RGB.
        batch_size: how many pictures the network takes at once.
        folder: the cache. Its files may be deleted at any time. A damaged file is computed and written again.

    Returns:
        `(n, extractor.dimension)` float32.
    """
    path = folder / f"{extractor.name}-keyed-{hashlib.sha256(extractor.fingerprint.encode()).hexdigest()}.npz"
    names = np.array([hashlib.sha256(key.encode()).hexdigest() for key in keys], "S64")
    features, new = _known(path, names, extractor)
    if new:
        features[new] = _extracted(pictures(new), extractor, len(new), batch_size, "photos")
        places = {names[index]: index for index in new}
        again = [index for index, name in enumerate(names) if places.get(name, index) != index]
        features[again] = features[[places[names[index]] for index in again]]
        with replacing_file(path) as beside:
            np.savez(beside, names=names, features=features)
    return features


def drawn_features(
    drawer: Drawer,
    extractor: Extractor,
    labels: NDArray[np.int32],
    seed: int,
    batch_size: int = 32,
    *,
    shown: bool = True,
) -> tuple[Images, Features]:
    """Draw one picture for each of `labels`. Return the pictures and the extractor's features of them.

    A thread draws the next batch while the extractor works on the last one. It is never more than one batch ahead. An
    exception of the drawer is raised here.

    Args:
        drawer: draws the pictures; it chooses its own batch size.
        extractor: the feature network.
        labels: `(n,)` breed indices.
        seed: of the drawing; the pictures depend only on it and `labels`.
        batch_size: how many pictures the extractor takes at once.
        shown: whether to show a progress bar. Use False inside another progress bar.

    Returns:
        The pictures, `(n, size, size, 3)` uint8 RGB, and `(n, extractor.dimension)` float32.
    """
    images = np.empty((len(labels), drawer.image_size, drawer.image_size, 3), np.uint8)
    drawn = _kept(_ahead(drawer.batches(labels, seed)), images)
    return images, _extracted(drawn, extractor, len(labels), batch_size, "generated pictures", shown=shown)


def _extracted(
    pictures: Iterator[Images], extractor: Extractor, count: int, batch_size: int, what: str, *, shown: bool = True
) -> Features:
    """Return the features of `count` pictures that arrive in parts. The progress bar says `what` they are."""
    features, done = np.empty((count, extractor.dimension), np.float32), 0
    with progress_bar(label=f"{extractor.name}, {what}", total=count, unit="image", disable=not shown) as bar:
        for part in pictures:
            features[done : done + len(part)] = extractor.features(part, batch_size)
            done += len(part)
            bar.update(len(part))
    return features


def _sliced(images: Images, batch_size: int) -> Iterator[Images]:
    """Yield `images` in parts of whole batches, small enough for the progress bar to move."""
    step = batch_size * max(1, _ROWS_A_TICK // batch_size)
    for start in range(0, len(images), step):
        yield images[start : start + step]


def _kept(parts: Iterator[Images], images: Images) -> Iterator[Images]:
    """Yield the parts again, after copying each to its place in `images`."""
    done = 0
    for part in parts:
        images[done : done + len(part)] = part
        done += len(part)
        yield part


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items while a thread makes the next one."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, items, None)
            yield item


def _digest(extractor: Extractor, images: Images) -> str:
    digest = hashlib.sha256(f"{extractor.name} {extractor.fingerprint} {images.shape}".encode())
    for start in range(0, len(images), _ROWS_AT_ONCE):
        digest.update(images[start : start + _ROWS_AT_ONCE].tobytes())
    return digest.hexdigest()


def _known(path: Path, names: NDArray[np.bytes_], extractor: Extractor) -> tuple[Features, list[int]]:
    """Return the features stored under `names`, and the indices of the others: the first of each name."""
    content = read_arrays(path)
    rows, stored = content.get("names", names[:0]), content.get("features")
    if stored is None or rows.ndim != 1 or not _are_features(stored, len(rows), extractor):
        rows, stored = names[:0], np.empty((0, extractor.dimension), np.float32)
    places = {name: row for row, name in enumerate(rows)}
    features = np.empty((len(names), extractor.dimension), np.float32)
    new: dict[bytes, int] = {}
    for index, name in enumerate(names):
        if name in places:
            features[index] = stored[places[name]]
        else:
            new.setdefault(name, index)
    return features, list(new.values())


def _are_features(array: NDArray[Any], rows: int, extractor: Extractor) -> bool:
    return array.shape == (rows, extractor.dimension) and array.dtype == np.float32
