"""Feature networks: pictures in, a vector a picture out. One file a network, known by its name in `params.yaml`."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pedigree.common import quiet
from pedigree.common.extractor_names import INCEPTION, NAMES, PACKAGED
from pedigree.errors import PedigreeError, UsageError


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
        """Turn `(n, height, width, 3)` uint8 RGB pictures into `(n, dimension)` float32 features.

        What a picture gets does not depend on the others, but for rounding: callers may split `images` as they like.
        """


@runtime_checkable
class ImageNetClassifier(Protocol):
    """An extractor that was trained to name ImageNet's 1,000 classes, and so has an opinion of its own."""

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn `(n, dimension)` features into `(n, 1000)` logits, classes ordered by WordNet id."""


def load(name: str, weights: str | Path | None = None) -> Extractor:
    """Load a feature network.

    Args:
        name: one of `NAMES`.
        weights: a local file. `inception-2015` needs one, the networks of Keras may have one (without it Keras fetches
            its own), the others bring theirs.

    Raises:
        ValueError: there is none of that name.
        UsageError: weights for a network that brings its own, or none for one that needs them.
        PedigreeError: the weights are missing, damaged or another network's.
    """
    if name not in NAMES:
        raise ValueError(f"Extractors: {', '.join(NAMES)}. Received: {name!r}")
    path = _checked(name, weights)
    quiet.import_keras()
    if name in PACKAGED:
        from pedigree.features.extractors.efficientnet_lite0 import EfficientNetLite0

        return EfficientNetLite0("bfloat16" if name.endswith("bfloat16") else "float32")
    if name == INCEPTION and path:
        from pedigree.features.extractors.inception_2015 import Inception2015

        return Inception2015(path)
    from pedigree.features.extractors.keras_applications import KerasApplication

    return KerasApplication(name, path)


def _checked(name: str, weights: str | Path | None) -> Path | None:
    """Check, before anything heavy is imported, that a file is named where one is due, and that it is there."""
    if weights is None:
        if name == INCEPTION:
            raise UsageError(
                f"score.weights: {name} needs a file: `pedigree fetch {name}` gets it (89 MB), then name that file."
            )
        return None
    if name in PACKAGED:
        raise UsageError(f"score.weights must be null: {name} brings its own weights. Received: {str(weights)!r}")
    if not Path(weights).is_file():
        raise PedigreeError(f"{weights} is not here: score.weights must name the weights of {name}.")
    return Path(weights)
