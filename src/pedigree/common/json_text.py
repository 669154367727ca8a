"""Reads JSON from files that other programs or people have written."""

import json
from collections.abc import Callable
from typing import Any


def parse(text: str | bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: if it is not JSON, is not UTF-8, has a number of too many digits or is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
