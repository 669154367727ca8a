"""Reads weights from a PyTorch `.pth` file without PyTorch. Its pickle may only refer to five names.

Unpickling can run any code, so everything else in the file is refused.
"""

import hashlib
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pedigree.errors import PedigreeError

_MAGIC = 0x1950A86A20F9469CFC6C  # the first value in files of torch.save before version 1.6
_PROTOCOL = 1001
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass
class _Storage:
    """A flat array of numbers. In the file, `values` come after the pickle that refers to them."""

    dtype: np.dtype[Any]
    size: int
    values: NDArray[Any] | None = None


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage: offset, shape and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        values = self.storage.values
        if values is None or len(self.shape) != len(self.strides):
            raise ValueError("a tensor has no numbers")
        if min((self.offset, *self.shape, *self.strides), default=0) < 0:
            raise ValueError("a tensor has a negative size")
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if 0 not in self.shape and last >= values.size:
            raise ValueError("a tensor extends beyond its storage")
        steps = tuple(step * values.itemsize for step in self.strides)
        view = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps)
        return np.ascontiguousarray(view).reshape(self.shape)


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


_ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    **{("torch", name): dtype for name, dtype in _STORAGES.items()},
}


class _RestrictedUnpickler(pickle.Unpickler):
    """Builds only dictionaries of tensors, so that a hostile file cannot run code."""

    def __init__(self, file: BinaryIO, storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which weights do not need")
        return _ADMITTED[module, name]

    def persistent_load(self, identity: Any) -> _Storage:
        _, dtype, key, _, size, view = identity
        if view is not None or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("it has a storage of an unknown type")
        return self._storages.setdefault(key, _Storage(dtype, size))


def read_checkpoint(path: Path) -> dict[str, NDArray[Any]]:
    """Read the tensors of a PyTorch state dictionary saved in the format of torch before 1.6.

    Args:
        path: the `.pth` file. Only `float32` and `int64` tensors are supported.

    Returns:
        A contiguous array for each tensor's name, with the axes in PyTorch's order.

    Raises:
        PedigreeError: the file is not such a checkpoint, is damaged, or its pickle refers to anything else.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise PedigreeError(f"{path}: the weights cannot be read: {error.strerror}.") from None
    except MemoryError:  # says nothing about the file
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise PedigreeError(f"{path}: the checkpoint is damaged or unsafe: {error}. Reinstall its package.") from None


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    storages: dict[str, _Storage] = {}

    def unpickled() -> Any:
        return _RestrictedUnpickler(file, storages).load()

    if unpickled() != _MAGIC or unpickled() != _PROTOCOL or not unpickled()["little_endian"]:
        raise ValueError("it is not in the format of PyTorch before version 1.6")
    tensors = unpickled()
    for key in unpickled():
        _fill(storages[key], file)
    return {name: tensor.array() for name, tensor in tensors.items()}


def _fill(storage: _Storage, file: BinaryIO) -> None:
    """Read one storage: eight bytes for its length, then its numbers."""
    size = int.from_bytes(file.read(8), "little")
    if size != storage.size:
        raise ValueError(f"a storage has {size} numbers instead of {storage.size}")
    content = file.read(size * storage.dtype.itemsize)
    storage.values = np.frombuffer(content, storage.dtype, count=size)


def locate(distribution: str, name: str, sha256: str) -> Path:
    """Find the file `name` of an installed package, without importing the package.

    Raises:
        PedigreeError: the package or the file is missing, or the file does not have the SHA-256 `sha256`.
    """
    path = _shipped(distribution, name)
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    if received != sha256:
        raise PedigreeError(
            f"{path}: the weights are damaged or were changed (SHA-256 {received}, expected {sha256}): "
            f"reinstall {distribution}."
        )
    return path


def _shipped(distribution: str, name: str) -> Path:
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        raise PedigreeError(
            f"The package {distribution} is not installed: install it, because it contains the weights."
        ) from None
    for file in files:
        path = Path(str(file.locate()))
        if file.name == name and path.is_file():
            return path
    raise PedigreeError(f"The package {distribution} has no file {name}: reinstall it.")
