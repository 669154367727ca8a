"""What decides the outcome of a run of training, as one short text: parameters, crops, code, backend, versions."""

import ast
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedigree.dataset import Crops
from pedigree.train_params import Train

SOURCE = Path(__file__).parent
WITHOUT = frozenset({"checkpoint_every", "warm_start"})  # parameters that say when state is kept, not what it becomes
ROOTS = ("training.py", "networks", "backends")  # the latter two by name, not by import: recipe and backend are chosen
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
    """Return the files of the package at `source` that training may run: `ROOTS` and what they import, to the end."""
    due = {file for root in ROOTS for file in ((source / root).rglob("*.py") if "." not in root else [source / root])}
    seen: set[Path] = set()
    while due:
        here = due.pop()
        seen.add(here)
        due |= _imported(here, source) - seen
    return sorted(seen)


def _imported(module: Path, source: Path) -> set[Path]:
    found = set()
    for node in ast.walk(ast.parse(module.read_bytes())):
        for name in _names(node):
            place = source.joinpath(*name.split(".")[1:])
            found |= {path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()}
    return found


def _names(node: ast.AST) -> list[str]:
    """Return what an import statement may name of this package, as dotted names."""
    if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pedigree":
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.split(".")[0] == "pedigree"]
    return []


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
