"""The translator and its file: a Keras model from a picture to the same picture with the coats of two breeds.

`keras.saving.load_model` reads the file even without this package. Its member `pedigree.json` holds the two breeds, and
the parameters of `crop` that the photos of its training were cut with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pedigree.common import json_text
from pedigree.errors import PedigreeError
from pedigree.generator import archive, structure
from pedigree.generator.keras_file import load_network, reading, save_network
from pedigree.generator.model import pixels

if TYPE_CHECKING:
    import keras

KIND = "translator"
Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Translator:
    """A network that gives dogs the coat of another breed.

    Attributes:
        network: maps pictures `(n, size, size, 3)` in [-1, 1] to two such arrays: as the first and the second breed.
        breeds: the folder names of the two breeds.
        crop: the parameters of `crop` that the photos of the training were cut with, by name.
    """

    network: "keras.Model"
    breeds: tuple[str, ...]
    crop: Mapping[str, Any]

    @property
    def image_size(self) -> int:
        """The side of a picture in pixels."""
        return int(self.network.inputs[0].shape[1])

    def translate(self, images: Images, to: int, batch_size: int = 64) -> Images:
        """Give the dogs in pictures the coat of a breed.

        Args:
            images: `(n, size, size, 3)` uint8 RGB.
            to: the index of the breed, 0 or 1.
            batch_size: pictures per call of the network.

        Returns:
            `(n, size, size, 3)` uint8 RGB.

        Raises:
            PedigreeError: the network draws NaN.
        """
        translated = np.empty_like(images)
        for start in range(0, len(images), batch_size):
            batch = slice(start, start + batch_size)
            both = self.network(np.asarray(images[batch], np.float32) / 127.5 - 1, training=False)
            drawn = np.asarray(both[to])
            if np.isnan(drawn).any():
                raise PedigreeError("the translator's pictures have NaN in place of colors: train again.")
            translated[batch] = pixels(drawn)
        return translated


def save_translator(network: "keras.Model", breeds: tuple[str, ...], crop: Mapping[str, Any], path: Path) -> None:
    """Write a translator to the Keras file `path`. Equal networks give equal bytes."""
    save_network(network, {"breeds": breeds, "crop": dict(crop)}, path)


def load_translator(path: Path) -> Translator:
    """Read a file written by `save_translator`, or by anybody: no code in it is run, and its sizes are limited.

    Raises:
        PedigreeError: if there is no such file, or if it is not a translator of Pedigree.
    """
    if not path.is_file():
        raise PedigreeError(
            f"{path} is not here: run `pedigree recipe cyclegan`, then `dvc repro translation/dvc.yaml`."
        )
    with reading(path, KIND):
        content, config = archive.read(path, archive.FACTS, archive.CONFIG)
        facts = archive.parsed(content)
        breeds, crop = archive.breeds(facts), facts.get("crop")
        if len(breeds) != 2 or not isinstance(crop, dict):
            raise ValueError(f"{archive.FACTS} has no two breeds, or no parameters of crop")
        structure.check_kinds(json_text.parse(config))
    return Translator(load_network(path, KIND, structure.check_translator), breeds, crop)
