"""Networks of `keras.applications` without their top layers, trained on ImageNet and average-pooled.

`nasnet-large` is the network of the private leaderboard of Kaggle's Generative Dog Images (2019).
"""

import hashlib
import importlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from pedigree.errors import PedigreeError
from pedigree.features.extractors.extraction import Floats, Pictures, extract, fingerprint
from pedigree.features.extractors.resizing import Resized


@dataclass(frozen=True)
class Application:
    """A network of Keras: its module, which also has its `preprocess_input`, its function and its image size."""

    module: str
    builder: str
    image_size: int


APPLICATIONS = {
    "resnet50-v2": Application("resnet_v2", "ResNet50V2", 224),
    "nasnet-large": Application("nasnet", "NASNetLarge", 331),
}


class KerasApplication:
    """An extractor of `APPLICATIONS`."""

    def __init__(self, name: str, weights: Path | None = None) -> None:
        """Build the network and load its weights.

        Args:
            name: a key of `APPLICATIONS`.
            weights: a file of weights without the top layers, as Keras publishes them (`…_notop.h5`) or saves them
                (`….weights.h5`). Without it, Keras downloads its own weights and keeps them in its cache.

        Raises:
            PedigreeError: the weights do not fit the network, or cannot be read or downloaded.
        """
        application = APPLICATIONS[name]
        self.name, self.image_size = name, application.image_size
        self._base = _built(application, weights)
        self.dimension = int(self._base.output_shape[-1])
        module = importlib.import_module(f"keras.applications.{application.module}")
        inputs = keras.Input((self.image_size, self.image_size, 3))
        outputs = self._base(module.preprocess_input(inputs), training=False)
        self._network = Resized(keras.Model(inputs, outputs), self.image_size)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the weights, this code, Keras and its backend."""
        digest = hashlib.sha256()
        for array in self._base.get_weights():
            digest.update(array.tobytes())
        return fingerprint(self.name, digest.hexdigest(), keras.__version__, keras.backend.backend(), code=__file__)

    def features(self, images: Pictures, batch_size: int = 32) -> Floats:
        """Pool the last feature map over each image.

        Args:
            images: `(n, height, width, 3)` uint8 RGB, of any one size; resized antialiased, in float.
            batch_size: how many the network takes at once; it only changes the rounding.

        Returns:
            `(n, dimension)` float32.
        """
        return extract(self._network, images, batch_size, self.dimension)


def _built(application: Application, weights: Path | None) -> Any:
    """Build the network with the weights of the file, or with Keras's own."""
    build = getattr(keras.applications, application.builder)
    shape = (application.image_size, application.image_size, 3)
    if weights is None:
        return _fetched(build, application, shape)
    network = build(include_top=False, weights=None, input_shape=shape, pooling="avg")
    try:
        network.load_weights(weights)
    except Exception as error:  # Keras raises many types of exceptions for an unsuitable file
        raise PedigreeError(
            f"{weights}: these are not weights of {application.builder} without its top layers ({_line(error)}). "
            f"score.weights must be the path of such a file, or null: Keras then downloads its own."
        ) from None
    return network


def _fetched(build: Any, application: Application, shape: tuple[int, int, int]) -> Any:
    try:
        return build(include_top=False, weights="imagenet", input_shape=shape, pooling="avg")
    except Exception as error:  # Keras raises a bare Exception when there is no network
        raise PedigreeError(
            f"Keras could not download the weights of {application.builder} ({_line(error)}): check the network, or "
            f"enter the path of a local file in score.weights."
        ) from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
