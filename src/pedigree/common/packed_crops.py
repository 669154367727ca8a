"""The packed crops, written and read: one array of images and one of labels for each side of the split.

`train-images.npy` and `holdout-images.npy` are `(n, size, size, 3)` uint8 RGB, `train-labels.npy` and
`holdout-labels.npy` `(n,)` int32. A label is an index into `breeds.json`, the sorted list of the breeds' folders.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pedigree.common import json_text
from pedigree.common.files import write_text
from pedigree.common.guard import is_short_of_memory
from pedigree.common.paths import CROPS
from pedigree.errors import PedigreeError

SIDES = ("train", "holdout")


@dataclass(frozen=True, eq=False)
class Crops:
    """The packed crops; the arrays are memory-mapped and read-only."""

    train_images: npt.NDArray[np.uint8]  # (n, size, size, 3), RGB
    train_labels: npt.NDArray[np.int32]  # (n,), index into breeds
    holdout_images: npt.NDArray[np.uint8]  # (m, size, size, 3), RGB
    holdout_labels: npt.NDArray[np.int32]  # (m,)
    breeds: tuple[str, ...]  # folder names, sorted

    @property
    def size(self) -> int:
        """The side of a crop in pixels."""
        return int(self.train_images.shape[1])


def pack_crops(
    folder: Path,
    breeds: Sequence[str],
    labels: Mapping[str, npt.NDArray[np.int32]],
    images: Iterable[tuple[str, npt.NDArray[np.uint8]]],
    size: int,
) -> None:
    """Write the crops into `folder`, which must exist.

    Args:
        folder: where to write.
        breeds: the names of the breeds' folders, sorted.
        labels: the labels `(n,)` int32 of each side, "train" and "holdout", in the order of its images.
        images: pairs of a side and some of its images `(k, size, size, 3)`, in order. They are written as they come,
            so that memory holds only a few of them.
        size: the side of a crop in pixels.
    """
    write_text(folder / "breeds.json", json.dumps(list(breeds), ensure_ascii=False, indent=0) + "\n")
    with ExitStack() as stack:
        files = {side: stack.enter_context((folder / f"{side}-images.npy").open("wb")) for side in SIDES}
        for side, file in files.items():
            shape = (len(labels[side]), size, size, 3)
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            np.save(folder / f"{side}-labels.npy", labels[side])
        for side, some in images:
            files[side].write(some.tobytes())


def load_crops(folder: Path = CROPS) -> Crops:
    """Open the crops in `folder`.

    Raises:
        PedigreeError: if a file is missing or does not fit the others. The message names it.
    """
    try:
        breeds = _breeds(folder / "breeds.json")
        train = _side(folder, "train", len(breeds))
        holdout = _side(folder, "holdout", len(breeds))
        if train[0].shape[1:] != holdout[0].shape[1:]:
            raise _UnfitCropsError(f"{folder} has train and holdout images of different sizes")
    except _UnfitCropsError as reason:
        raise PedigreeError(f"{reason}: run `pedigree crop`.") from None
    return Crops(*train, *holdout, breeds)


class _UnfitCropsError(Exception):
    """The file that is wrong, and what is wrong with it, in a few words."""


def _breeds(path: Path) -> tuple[str, ...]:
    try:
        names = json_text.parse(path.read_text(encoding="utf-8"))
    except OSError:
        raise _UnfitCropsError(f"{path} is not here") from None
    except ValueError:
        raise _UnfitCropsError(f"{path} is not JSON") from None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise _UnfitCropsError(f"{path} is not a list of breeds")
    if len(set(names)) < len(names):
        raise _UnfitCropsError(f"{path} names a breed twice")
    return tuple(names)


def _side(folder: Path, side: str, breeds: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Open the images and labels of one side of the split."""
    images_file, labels_file = folder / f"{side}-images.npy", folder / f"{side}-labels.npy"
    images, labels = _array(images_file), _array(labels_file)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3:
        raise _UnfitCropsError(f"{images_file} is not (n, size, size, 3) uint8 but {images.shape} {images.dtype}")
    if labels.dtype != np.int32 or labels.shape != (len(images),):
        raise _UnfitCropsError(
            f"{labels_file} is not ({len(images)},) int32, one label per image, but {labels.shape} {labels.dtype}"
        )
    if labels.min() < 0 or labels.max() >= breeds:
        raise _UnfitCropsError(f"{labels_file} has labels outside those of breeds.json (0 to {breeds - 1})")
    return images, labels


def _array(path: Path) -> npt.NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise _UnfitCropsError(f"{path} is not here") from None
    except Exception as error:  # a damaged header is Python code to NumPy, and can raise nearly anything
        if is_short_of_memory(error):
            raise
        raise _UnfitCropsError(f"{path} is not a whole .npy file") from None
    if not isinstance(array, np.ndarray) or not array.size:
        raise _UnfitCropsError(f"{path} is empty")
    return array
