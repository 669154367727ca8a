"""Code shared by the feature networks: extraction in batches, and the fingerprint."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pictures = NDArray[np.uint8]


def extract(network: Callable[[Pictures], Floats], images: Pictures, batch_size: int, dimension: int) -> Floats:
    """Extract features of pictures, `batch_size` at a time.

    Args:
        network: turns a batch of pictures into `(batch, dimension)` features.
        images: `(n, height, width, 3)` uint8 RGB, of any one size; may be memory-mapped.
        batch_size: pictures per batch.
        dimension: features per picture.

    Returns:
        `(n, dimension)` float32.

    Raises:
        ValueError: `images` is not an array of RGB pictures.
    """
    _check(images)
    features = np.empty((len(images), dimension), np.float32)
    for start in range(0, len(images), batch_size):
        features[start : start + batch_size] = network(np.asarray(images[start : start + batch_size]))
    return features


def fingerprint(*facts: str, code: str) -> str:
    """Return a digest of `facts` (such as digests of weights and versions), of `code` and of the shared modules.

    Args:
        facts: any text that the features depend on.
        code: the path of the extractor's source file.
    """
    digest = hashlib.sha256(" ".join(facts).encode())
    folder = Path(__file__).parent
    for source in (Path(code), folder / "extraction.py", folder / "resizing.py"):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _check(images: Pictures) -> None:
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or 0 in images.shape[1:]:
        raise ValueError(
            f"Expected images of shape (n, height, width, 3), uint8. Received: {images.shape}, {images.dtype}"
        )
