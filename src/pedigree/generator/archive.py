"""The archive of a network's file, read within limits: it may come from anybody, and may be damaged.

Keras's format is a zip of `config.json`, `metadata.json` and `model.weights.h5`; `pedigree.json` is Pedigree's own.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

from pedigree.common import json_text
from pedigree.common.names import has_control_characters
from pedigree.common.zip_directory import directory_size

FACTS, CONFIG, WEIGHTS = "pedigree.json", "config.json", "model.weights.h5"
PRIORS = ("normal", "uniform")

# The most bytes of each member. That of BigGAN at 128 px has 0.2 MB of config; its weights have 300 MB.
LARGEST = {FACTS: 4_000_000, CONFIG: 8_000_000, "metadata.json": 100_000, WEIGHTS: 4_000_000_000}
LARGEST_DIRECTORY = 10_000  # bytes of the table of contents of these members
MOST_EXPANSION = 50  # times the bytes in the archive; weights that were trained hardly shrink
MOST_INSIDE = 10  # times the bytes of the file of weights, which may be compressed inside
HARMLESS = 1_000_000  # bytes; a smaller member may shrink more
MOST_BREEDS = 20_000
LONGEST_NAME = 255  # characters
MOST_GROUPS, DEEPEST = 100_000, 20  # in the file of weights


def read(path: Path, *names: str) -> list[bytes]:
    """Return the content of these members of the archive at `path`.

    Raises:
        ValueError: the archive has other members than such a file, or too large ones.
        Exception: the archive is damaged. `zipfile` raises exceptions of many types.
    """
    with path.open("rb") as file:
        if directory_size(file) > LARGEST_DIRECTORY:
            raise ValueError("it has too many members")
        with zipfile.ZipFile(file) as archive:
            _check_members(archive)
            return [archive.read(name) for name in names]


def parsed(content: bytes) -> dict[str, Any]:
    """Return the facts in `pedigree.json`.

    Raises:
        ValueError: it is no JSON object.
    """
    values = json_text.parse(content)
    if not isinstance(values, dict):
        raise ValueError(f"{FACTS} has no facts")
    return values


def breeds(facts: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the breeds in the facts of a file.

    Raises:
        ValueError: they are not names of different breeds.
    """
    if not isinstance(breeds := facts.get("breeds"), list):
        raise ValueError(f"{FACTS} has no list of breeds")
    if not 0 < len(breeds) <= MOST_BREEDS:
        raise ValueError(f"{FACTS} has {len(breeds)} breeds, expected 1 to {MOST_BREEDS}")
    if wrong := [breed for breed in breeds if not is_name(breed)]:
        raise ValueError(f"{FACTS} has a breed with the name {str(wrong[0])[:60]!r}")
    if len(set(breeds)) < len(breeds):
        raise ValueError(f"{FACTS} has a breed twice")
    return tuple(breeds)


def prior(facts: dict[str, Any]) -> str:
    """Return the prior of the latents in the facts of a file. Without one it is normal.

    Raises:
        ValueError: there is no such prior.
    """
    latent: Any = facts.get("latent", PRIORS[0])
    if latent not in PRIORS:
        raise ValueError(f"its latent prior is {str(latent)[:60]!r}, not one of {', '.join(PRIORS)}")
    return str(latent)


def is_name(breed: Any) -> bool:
    """Return whether a value can be the name of a breed's folder."""
    return isinstance(breed, str) and 0 < len(breed) <= LONGEST_NAME and not has_control_characters(breed)


def weight_count(content: bytes) -> int:
    """Return how many numbers a file of weights holds.

    Raises:
        ValueError: the file refers to other files, or claims far more numbers than it has bytes for.
        Exception: the file is damaged.
    """
    import h5py

    count = size = 0
    with h5py.File(io.BytesIO(content), "r") as file:
        groups = [(file, 0)]
        for number, (group, depth) in enumerate(groups):
            for item in _items(group):
                if isinstance(item, h5py.Group):
                    groups.append((item, depth + 1))
                    continue
                if item.external or item.is_virtual or item.dtype.kind not in "fiub":
                    raise ValueError(f"{WEIGHTS} refers to other files, or has other content than numbers")
                count, size = count + item.size, size + item.size * item.dtype.itemsize
            if number > MOST_GROUPS or depth > DEEPEST or size > MOST_INSIDE * len(content):
                raise ValueError(f"{WEIGHTS} claims to hold more than it has bytes for")
    return int(count)


def _check_members(archive: zipfile.ZipFile) -> None:
    infos = archive.infolist()
    if sorted(info.filename for info in infos) != sorted(LARGEST):
        raise ValueError(f"expected the members {', '.join(LARGEST)}")
    for info in infos:
        allowed = min(LARGEST[info.filename], max(HARMLESS, MOST_EXPANSION * info.compress_size))
        if info.file_size > allowed:
            raise ValueError(f"{info.filename} unpacks to {info.file_size} bytes, expected at most {allowed}")


def _items(group: Any) -> list[Any]:
    """Return what is in a group; raise a ValueError if a part of it is a link to another place or file."""
    import h5py

    if any(not isinstance(group.get(name, getlink=True), h5py.HardLink) for name in group):
        raise ValueError(f"{WEIGHTS} has links")
    return list(group.values())
