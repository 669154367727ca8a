"""Reads the caches of arrays."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays stored at `path`, none if there is no file or it is damaged (zip has checksums)."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return {name: np.asarray(content[name]) for name in content.files}
    except Exception:  # a damaged zip or header can raise nearly anything
        return {}
