"""Feature networks: pictures in, a vector a picture out. One file a network, known by its name in `params.yaml`."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pedigree import quiet

NAMES = ("efficientnet-lite0",)


class Extractor(Protocol):
    """A network whose features stand for pictures in every metric; numbers from two of them never meet."""

    @property
    def name(self) -> str:
        """What it is called in `params.yaml`, in reports and in cache files."""

    @property
    def image_size(self) -> int:
        """The side, in pixels, that pictures are resized to."""

    @property
    def dimension(self) -> int:
        """How many features a picture gets."""

    @property
    def fingerprint(self) -> str:
        """A digest of all that the features depend on besides the pictures."""

    def features(self, images: NDArray[np.uint8], batch_size: int = 32) -> NDArray[np.float32]:
        """Turn `(n, height, width, 3)` uint8 RGB pictures into `(n, dimension)` float32 features."""


@runtime_checkable
class ImageNetClassifier(Protocol):
    """An extractor that was trained to name ImageNet's 1,000 classes, and so has an opinion of its own."""

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn `(n, dimension)` features into `(n, 1000)` logits, classes ordered by WordNet id."""


def load(name: str) -> Extractor:
    """Load a feature network by name.

    Raises:
        ValueError: there is none of that name.
        PedigreeError: its weights are missing or damaged.
    """
    if name == "efficientnet-lite0":
        quiet.import_keras()
        from pedigree.extractors.efficientnet_lite0 import EfficientNetLite0

        return EfficientNetLite0()
    raise ValueError(f"Extractors: {', '.join(NAMES)}. Received: {name!r}")
