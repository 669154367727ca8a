"""What decides the outcome of a run of training, as one short text: parameters, crops, code, backend, versions."""

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
from pedigree.settings.train import Train

SOURCE = Path(__file__).parents[2]
WITHOUT = frozenset({"checkpoint_every", "warm_start"})  # parameters that say when state is kept, not what it becomes
# The packages among the deps of the train stage in dvc.yaml, and what .dvcignore leaves out of them.
PACKAGES = ("backends", "common", "features", "generator", "metrics", "networks", "train")
NO_OUTCOME = ("common/progress.py", "common/quiet.py", "generator/drawing.py", "train/resume")
CHUNK = 2**23  # bytes of pictures read at a time


def fingerprint(
    train: Train,
    crops: Crops,
    *,
    backend: str,
    versions: Mapping[str, str] | None = None,
    without: frozenset[str] = frozenset(),
    source: Path = SOURCE,
) -> str:
    """Return 32 hexadecimal digits that change with whatever may change the outcome of training.

    Args:
        train: its parameters count, but for `WITHOUT` and those named in `without`.
        crops: pictures, labels and breeds of both sides count, by content.
        backend: Keras's, such as "tensorflow".
        versions: of packages by name, and whatever else of the machine counts; None: Keras's, NumPy's, the backend's.
        without: names of further parameters left out, such as `steps` where a longer run goes on from a shorter one.
        source: the folder of this package, of which the modules that training runs count.
    """
    parameters = {name: value for name, value in dataclasses.asdict(train).items() if name not in WITHOUT | without}
    facts = {
        "parameters": parameters,
        "breeds": crops.breeds,
        "backend": backend,
        "versions": dict(loaded(backend) if versions is None else versions),
        "code": {str(path.relative_to(source)): _content(path) for path in modules(source)},
        "crops": {side: _pixels(array) for side, array in _arrays(crops).items()},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def loaded(backend: str) -> dict[str, str]:
    """Return the versions of what computes, by module: Keras, NumPy and the backend."""
    compiler = ("jaxlib",) if backend == "jax" else ()
    return {name: import_module(name).__version__ for name in ("keras", "numpy", backend, *compiler)}


def modules(source: Path = SOURCE) -> list[Path]:
    """Return the files of the package at `source` whose code may change the outcome of training."""
    files = {file for package in PACKAGES for file in (source / package).rglob("*.py")}
    return sorted(file for file in files if not any(file.is_relative_to(source / name) for name in NO_OUTCOME))


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _arrays(crops: Crops) -> dict[str, NDArray[Any]]:
    fields = {field.name: getattr(crops, field.name) for field in dataclasses.fields(crops)}
    return {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}


def _pixels(array: NDArray[Any]) -> str:
    """Return type, shape and digest of `array`, which is read piece by piece: it may be larger than memory."""
    digest = hashlib.sha256()
    rows = max(1, CHUNK // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        digest.update(np.ascontiguousarray(array[start : start + rows]).data)
    return f"{array.dtype.str} {array.shape} {digest.hexdigest()}"
