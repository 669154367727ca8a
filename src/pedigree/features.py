"""Features of real pictures, computed once: kept in scratch under a name made of all they depend on."""

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedigree.extractors import Extractor
from pedigree.files import replacing_file

FOLDER = Path("runs/features")

_ROWS_AT_ONCE = 1024


def cached_features(
    extractor: Extractor, images: NDArray[np.uint8], batch_size: int = 32, folder: Path = FOLDER
) -> NDArray[np.float32]:
    """Return the extractor's features of `images`, from `folder` where it has them.

    Args:
        extractor: the feature network.
        images: `(n, height, width, 3)` uint8 RGB.
        batch_size: how many pictures go through the network at once.
        folder: the cache. A file that is damaged or does not fit is written anew; any may be deleted.

    Returns:
        `(n, extractor.dimension)` float32.
    """
    path = folder / f"{extractor.name}-{_digest(extractor, images)}.npz"
    features = _read(path, (len(images), extractor.dimension))
    if features is None:
        features = extractor.features(images, batch_size)
        with replacing_file(path) as beside:
            np.savez(beside, features=features)
    return features


def _digest(extractor: Extractor, images: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(f"{extractor.name} {extractor.fingerprint} {images.shape}".encode())
    for start in range(0, len(images), _ROWS_AT_ONCE):
        digest.update(images[start : start + _ROWS_AT_ONCE].tobytes())
    return digest.hexdigest()


def _read(path: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Return the features kept at `path`, or None where there are none to be trusted; the zip's checksums tell."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            features = np.asarray(content["features"])
    except (
        OSError,
        ValueError,
        KeyError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,  # what zipfile says of a damaged compression field
    ):
        return None
    return features if features.shape == shape and features.dtype == np.float32 else None
