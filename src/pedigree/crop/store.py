"""A temporary file of crops, so that memory holds only a few of them."""

from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


class CropStore:
    """Crops `(size, size, 3)` uint8 RGB: appended in order, then read by index. The file is removed on exit."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._shape = path, (size, size, 3)

    def __enter__(self) -> "CropStore":
        self._file = self._path.open("w+b")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._file.close()
        self._path.unlink()

    def append(self, crops: Pixels) -> None:
        """Add crops `(n, size, size, 3)` at the end."""
        self._file.write(crops.tobytes())

    def __getitem__(self, index: int) -> Pixels:
        length = int(np.prod(self._shape))
        self._file.seek(index * length)
        return np.frombuffer(self._file.read(length), np.uint8).reshape(self._shape)
