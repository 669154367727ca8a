"""What feature networks share: pictures checked, put through in batches, and a digest of what made the features."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pictures = NDArray[np.uint8]


def extract(network: Callable[[Pictures], Floats], images: Pictures, batch_size: int, dimension: int) -> Floats:
    """Put pictures through a network, `batch_size` at once.

    Args:
        network: turns a batch of pictures into `(batch, dimension)` features.
        images: `(n, height, width, 3)` uint8 RGB, of any one size; may be memory-mapped.
        batch_size: pictures at once.
        dimension: features a picture.

    Returns:
        `(n, dimension)` float32.

    Raises:
        ValueError: `images` is no stack of RGB pictures.
    """
    _check(images)
    features = np.empty((len(images), dimension), np.float32)
    for start in range(0, len(images), batch_size):
        features[start : start + batch_size] = network(np.asarray(images[start : start + batch_size]))
    return features


def fingerprint(*facts: str, code: str) -> str:
    """Digest `facts` (weights' digests, versions) with the source file `code` and what all extractors share."""
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
