"""Reads the caches of arrays."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays stored at `path`, none if there is no file or it is damaged (zip has checksums)."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return {name: np.asarray(content[name]) for name in content.files}
    except (
        OSError,
        ValueError,
        KeyError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,  # raised by zipfile when damaged fields seem to need a password or an unknown compression
    ):
        return {}
