"""What a picture shows: the request that is in the provenance of a PNG, and from which it can be drawn again.

A request is a JSON object. Its keys say of which kind it is: `{"breeds": [...], ...}` is a `Sheet`,
`{"dog": "...", "scale": 1}` is a `Portrait`, and `{"dogs": [...], "across": 4}` is a `PortraitSheet`.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pedigree.errors import PedigreeError
from pedigree.generator.archive import MOST_BREEDS, is_name

MOST_PICTURES = 1000  # of a breed
MOST_CANDIDATES = 20_000
LARGEST_SEED = 2**63 - 1
MOST_SCALE = 8
MOST_DOGS = 64  # of a sheet of portraits


@dataclass(frozen=True)
class Sheet:
    """Pictures of some breeds, or one picture of them.

    Attributes:
        breeds: the folder names of the breeds.
        seed: the seed of the latents.
        count: pictures per breed.
        truncation: as in `Generator.latents`.
        best: how many pictures are drawn for each one kept, as in `pedigree.best`; None keeps the first ones.
        labels: whether the names of the breeds are written on the sheet.
        index: show only the picture with this index, 0..count-1, of the only breed, as it was drawn; None shows all.
    """

    breeds: tuple[str, ...]
    seed: int = 0
    count: int = 8
    truncation: float | None = None
    best: int | None = None
    labels: bool = True
    index: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the request for a provenance."""
        unused = "index" if self.index is None else "labels"
        return {name: value for name, value in asdict(self).items() if name != unused} | {"breeds": list(self.breeds)}


@dataclass(frozen=True)
class Portrait:
    """One dog of the studio.

    Attributes:
        dog: the dog as text, as `pedigree.drawing.dogs` reads it.
        scale: how often each pixel is repeated in both directions.
    """

    dog: str
    scale: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the request for a provenance."""
        return asdict(self)


@dataclass(frozen=True)
class PortraitSheet:
    """Dogs of the studio in rows, at their true size.

    Attributes:
        dogs: the dogs as texts, row by row.
        across: the dogs in a row.
    """

    dogs: tuple[str, ...]
    across: int

    def to_json(self) -> dict[str, Any]:
        """Return the request for a provenance."""
        return {"dogs": list(self.dogs), "across": self.across}


def parsed(request: Mapping[str, Any]) -> Sheet | Portrait | PortraitSheet:
    """Return the sheet or the portraits of a request. It may come from anybody.

    Raises:
        PedigreeError: this version of Pedigree knows no such request, or a value is out of its range.
    """
    try:
        if "breeds" in request:
            return _sheet(request)
        if "dog" in request:
            return _portrait(request)
        if "dogs" in request:
            return _portrait_sheet(request)
        if "walk" in request:
            raise ValueError(f"it is a walk, which only `pedigree walk` draws: {json.dumps(request['walk'])[:300]}")
        raise ValueError(f"unknown request, its keys are {', '.join(sorted(request))[:60]!r}")
    except ValueError as error:
        raise PedigreeError(f"the picture cannot be drawn again by --from: {error}.") from None


def _portrait(request: Mapping[str, Any]) -> Portrait:
    """Return the portrait of a request; raise ValueError unless it is as `Portrait.to_json` returns it."""
    if request.keys() != {"dog", "scale"} or not isinstance(request["dog"], str):
        raise ValueError("it has other keys or values than Pedigree writes")
    return Portrait(request["dog"], _whole(request, "scale", 1, MOST_SCALE))


def _portrait_sheet(request: Mapping[str, Any]) -> PortraitSheet:
    """Return the portraits of a request; raise ValueError unless it is as `PortraitSheet.to_json` returns it."""
    dogs = request["dogs"]
    if request.keys() != {"dogs", "across"} or not isinstance(dogs, list):
        raise ValueError("it has other keys or values than Pedigree writes")
    if not 0 < len(dogs) <= MOST_DOGS or not all(isinstance(dog, str) for dog in dogs):
        raise ValueError(f"dogs of its request is no list of 1 to {MOST_DOGS} texts")
    return PortraitSheet(tuple(dogs), _whole(request, "across", 1, MOST_DOGS))


def _sheet(request: Mapping[str, Any]) -> Sheet:
    """Return the sheet of a request; raise ValueError unless it is as `Sheet.to_json` returns it."""
    breeds = request["breeds"]
    if not isinstance(breeds, list) or not 0 < len(breeds) <= MOST_BREEDS or not all(map(is_name, breeds)):
        raise ValueError(f"breeds of its request is no list of 1 to {MOST_BREEDS} names")
    count = _whole(request, "count", 1, MOST_PICTURES)
    sheet = Sheet(
        tuple(breeds),
        _whole(request, "seed", 0, LARGEST_SEED),
        count,
        _above_zero(request, "truncation"),
        _whole(request, "best", 1, MOST_CANDIDATES) if request.get("best") is not None else None,
        request.get("labels", True) is True,
        _whole(request, "index", 0, count - 1) if "index" in request else None,
    )
    if sheet.to_json() != request or (sheet.index is not None and len(breeds) > 1):
        raise ValueError("its request has other keys or values than Pedigree writes")
    return sheet


def _whole(request: Mapping[str, Any], key: str, low: int, high: int) -> int:
    value = request.get(key)
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{key} of its request is no whole number from {low} to {high}")
    return value


def _above_zero(request: Mapping[str, Any], key: str) -> float | None:
    value = request.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 < value <= sys.float_info.max:
        raise ValueError(f"{key} of its request is no number above 0")
    return float(value)
