"""The crops as arrays, read memory-mapped."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pedigree.common.paths import CROPS
from pedigree.errors import PedigreeError


@dataclass(frozen=True, eq=False)
class Crops:
    """What `pedigree crop` packed; arrays are read-only and memory-mapped."""

    train_images: npt.NDArray[np.uint8]  # (n, size, size, 3), RGB
    train_labels: npt.NDArray[np.int32]  # (n,), index into breeds
    holdout_images: npt.NDArray[np.uint8]  # (m, size, size, 3), RGB
    holdout_labels: npt.NDArray[np.int32]  # (m,)
    breeds: tuple[str, ...]  # folder names, sorted

    @property
    def size(self) -> int:
        """Pixels a side."""
        return int(self.train_images.shape[1])


def load_crops(folder: Path = CROPS) -> Crops:
    """Open the crops.

    Raises:
        PedigreeError: naming the file that is missing or does not fit the others.
    """
    try:
        breeds = _breeds(folder / "breeds.json")
        train = _side(folder, "train", len(breeds))
        holdout = _side(folder, "holdout", len(breeds))
        if train[0].shape[1:] != holdout[0].shape[1:]:
            raise _UnfitError(f"{folder} has train and holdout images of different sizes")
    except _UnfitError as reason:
        raise PedigreeError(f"{reason}: run `pedigree crop`.") from None
    return Crops(*train, *holdout, breeds)


class _UnfitError(Exception):
    """What is wrong with which file, in a few words."""


def _breeds(path: Path) -> tuple[str, ...]:
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise _UnfitError(f"{path} is not here") from None
    except ValueError:
        raise _UnfitError(f"{path} is not JSON") from None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise _UnfitError(f"{path} is not a list of breeds")
    return tuple(names)


def _side(folder: Path, side: str, breeds: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Open the images and labels of one side of the split."""
    pixels, names = folder / f"{side}-images.npy", folder / f"{side}-labels.npy"
    images, labels = _array(pixels), _array(names)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3:
        raise _UnfitError(f"{pixels} is not (n, size, size, 3) uint8 but {images.shape} {images.dtype}")
    if labels.dtype != np.int32 or labels.shape != (len(images),):
        raise _UnfitError(f"{names} is not ({len(images)},) int32, a label an image, but {labels.shape} {labels.dtype}")
    if labels.min() < 0 or labels.max() >= breeds:
        raise _UnfitError(f"{names} has labels outside the {breeds} breeds of breeds.json")
    return images, labels


def _array(path: Path) -> npt.NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise _UnfitError(f"{path} is not here") from None
    except (OSError, ValueError, EOFError):
        raise _UnfitError(f"{path} is not a whole .npy file") from None
    if not isinstance(array, np.ndarray) or not array.size:
        raise _UnfitError(f"{path} is empty")
    return array
