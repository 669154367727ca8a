"""Feature networks: each turns a picture into a vector. One file per network; `params.yaml` selects one by name."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pedigree.common import quiet
from pedigree.common.extractor_names import INCEPTION, NAMES, PACKAGED
from pedigree.errors import PedigreeError, UsageError


class Extractor(Protocol):
    """A network whose features represent the pictures in every metric.

    Do not compare numbers that come from different extractors.
    """

    @property
    def name(self) -> str:
        """Its name in `params.yaml`, in reports and in cache files."""

    @property
    def image_size(self) -> int:
        """The side that pictures are resized to, in pixels."""

    @property
    def dimension(self) -> int:
        """The number of features per picture."""

    @property
    def fingerprint(self) -> str:
        """A digest of everything that the features depend on except the pictures."""

    def features(self, images: NDArray[np.uint8], batch_size: int = 32) -> NDArray[np.float32]:
        """Turn `(n, height, width, 3)` uint8 RGB pictures into `(n, dimension)` float32 features.

        The features of a picture do not depend on the others, except for rounding, so `images` may be split anywhere.
        """


@runtime_checkable
class ImageNetClassifier(Protocol):
    """An extractor that was trained on ImageNet and can classify pictures into its 1,000 classes."""

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn `(n, dimension)` features into `(n, 1000)` logits, classes ordered by WordNet id."""


@runtime_checkable
class BreedPredictor(Protocol):
    """An extractor that was trained on the breeds of the crops and predicts them."""

    def breeds(self, features: NDArray[np.float32]) -> NDArray[np.intp]:
        """Turn `(n, dimension)` features into breeds, `(n,)` indices into the breeds of the crops."""


def load(name: str, weights: str | Path | None = None) -> Extractor:
    """Load a feature network.

    Args:
        name: one of `NAMES`.
        weights: a local file. `inception-2015` needs one. For the networks of Keras it is optional: without it, Keras
            downloads its own. The other networks come with their weights.

    Raises:
        ValueError: there is no network of that name.
        UsageError: `weights` is given for a network that has its own, or missing for one that needs it.
        PedigreeError: the file is missing, damaged or belongs to another network.
    """
    if name not in NAMES:
        raise ValueError(f"Extractors: {', '.join(NAMES)}. Received: {name!r}")
    path = _checked(name, weights)
    quiet.import_keras()
    if name in PACKAGED:
        from pedigree.features.extractors.efficientnet_lite import EfficientNetLite

        half = name.endswith("-bfloat16")
        return EfficientNetLite(name.removesuffix("-bfloat16"), "bfloat16" if half else "float32")
    if name == INCEPTION and path:
        from pedigree.features.extractors.inception_2015 import Inception2015

        return Inception2015(path)
    from pedigree.features.extractors.keras_applications import KerasApplication

    return KerasApplication(name, path)


def _checked(name: str, weights: str | Path | None) -> Path | None:
    """Check that a file is given if and only if the network needs one, and that it exists, before any heavy import."""
    if weights is None:
        if name == INCEPTION:
            raise UsageError(
                f"score.weights: {name} needs a file: `pedigree fetch {name}` downloads it (89 MB). Then set its path."
            )
        return None
    if name in PACKAGED:
        raise UsageError(f"score.weights must be null: {name} has its own weights. Received: {str(weights)!r}")
    if not Path(weights).is_file():
        raise PedigreeError(f"{weights} does not exist: score.weights must be the path of the weights of {name}.")
    return Path(weights)
