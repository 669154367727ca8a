"""The fingerprint of a run: a hash of everything that its results depend on."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedigree.common.packed_crops import Crops

SOURCE = Path(__file__).parents[2]
IGNORED_PARAMETERS = frozenset({"checkpoint_every", "warm_start"})  # they only decide when state is saved
# The packages among the deps of the train stage in dvc.yaml, and the parts of them that .dvcignore excludes.
PACKAGES = ("backends", "common", "features", "generator", "metrics", "networks", "train")
NO_OUTCOME = (
    "common/announcement.py",
    "common/progress.py",
    "train/resume",
)
CHUNK = 2**23  # bytes of an array that are read at a time


def fingerprint(
    settings: Any,
    crops: Crops,
    *,
    backend: str,
    versions: Mapping[str, str] | None = None,
    ignored: frozenset[str] = frozenset(),
    packages: tuple[str, ...] = PACKAGES,
    source: Path = SOURCE,
) -> str:
    """Return a hash of everything that the results of training depend on, as 32 hexadecimal digits.

    Args:
        settings: the section of `params.yaml`, a dataclass. All parameters count but those of
            `IGNORED_PARAMETERS` and `ignored`.
        crops: the crops. The contents of images, labels and breeds count.
        backend: Keras's backend, such as "tensorflow".
        versions: package versions by name, and other properties of the machine; None means the versions of Keras, NumPy
            and the backend.
        ignored: further parameters that do not count, such as `steps` for a warm start.
        packages: the packages whose code counts.
        source: the folder of this package. The modules that training runs count.
    """
    parameters = {
        name: value for name, value in dataclasses.asdict(settings).items() if name not in IGNORED_PARAMETERS | ignored
    }
    facts = {
        "parameters": parameters,
        "breeds": crops.breeds,
        "backend": backend,
        "versions": dict(library_versions(backend) if versions is None else versions),
        "code": {str(path.relative_to(source)): _file_hash(path) for path in modules(source, packages)},
        "crops": {side: _array_hash(array) for side, array in _arrays(crops).items()},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def library_versions(backend: str) -> dict[str, str]:
    """Return the versions of Keras, NumPy and the backend, by module name."""
    compiler = ("jaxlib",) if backend == "jax" else ()
    return {name: import_module(name).__version__ for name in ("keras", "numpy", backend, *compiler)}


def modules(source: Path = SOURCE, packages: tuple[str, ...] = PACKAGES) -> list[Path]:
    """Return the files of the package at `source` that the results of training may depend on."""
    files = {file for package in packages for file in (source / package).rglob("*.py")}
    return sorted(file for file in files if not any(file.is_relative_to(source / name) for name in NO_OUTCOME))


def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _arrays(crops: Crops) -> dict[str, NDArray[Any]]:
    fields = {field.name: getattr(crops, field.name) for field in dataclasses.fields(crops)}
    return {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}


def _array_hash(array: NDArray[Any]) -> str:
    """Return the type, shape and hash of an array. It is read in pieces, because it may be larger than memory."""
    digest = hashlib.sha256()
    rows = max(1, CHUNK // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        digest.update(np.ascontiguousarray(array[start : start + rows]).data)
    return f"{array.dtype.str} {array.shape} {digest.hexdigest()}"
