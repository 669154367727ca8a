"""`params.yaml`: a section a stage, each one frozen dataclass; whatever is unknown, missing or out of range is an error."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML, YAMLError

from pedigree.errors import UsageError

FILE = Path("params.yaml")

Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, config=_STRICT)
class Data:
    """The archives everything is made from."""

    images: Annotated[str, Field(min_length=1)]
    annotations: Annotated[str, Field(min_length=1)] | None


@dataclass(frozen=True, config=_STRICT)
class Unpack:
    """Limits on what an archive may unpack to."""

    max_files: Positive
    max_bytes: Positive
    max_ratio: Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=_STRICT)
class Validate:
    """What the photos must be like; shares are of all photos."""

    breed_pattern: str
    breeds: Positive | None
    photos_per_breed: Annotated[list[Positive], Field(min_length=2, max_length=2)]
    min_decodable: Share
    min_annotated: Share
    max_bad_boxes: Share
    max_breed_mismatch: Share
    max_duplicates_within: Share
    max_duplicates_across: Share
    max_imbalance: Annotated[float, Field(ge=1)]


@dataclass(frozen=True, config=_STRICT)
class Crop:
    """How a photo and a box become a square; sizes in pixels."""

    size: Literal[16, 32, 64, 128]
    frames: Literal["boxes", "whole", "both"]
    padding: Annotated[float, Field(ge=0, le=1)]
    min_box: Positive
    max_aspect: Annotated[float, Field(ge=1)]
    holdout: Annotated[float, Field(gt=0, lt=1)]
    seed: Natural


@dataclass(frozen=True, config=_STRICT)
class Score:
    """How the generator is judged."""

    extractor: Literal["efficientnet-lite0"]
    samples: Annotated[int, Field(ge=2)]
    batch_size: Positive
    seed: Natural
