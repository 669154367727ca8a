"""`params.yaml`: a section a stage, each one frozen dataclass; a wrong key or value is an error that names it."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pedigree import requirements
from pedigree.errors import UsageError

FILE = Path("params.yaml")

Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Number = TypeVar("Number", int, float)
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

    @field_validator("breed_pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression ({error})") from error
        return pattern

    @field_validator("photos_per_breed")
    @classmethod
    def _photos_rise(cls, bounds: list[int]) -> list[int]:
        return _rising(bounds)


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
class Train:
    """How the networks are built and trained; sizes are in pictures, learning is by Adam."""

    recipe: Literal["projection-dcgan", "seed-cgan"]
    steps: Positive
    batch_size: Positive
    generator_batch_size: Positive
    seed: Natural
    precision: Literal["auto", "float32", "bfloat16"]
    latent_size: Positive
    channels: Positive
    loss: Literal["non-saturating", "hinge"]
    real_targets: Annotated[list[Share], Field(min_length=2, max_length=2)]
    flip_targets: Share
    augment: list[Literal["flip", "color", "translation", "cutout"]]
    r1_weight: Annotated[float, Field(ge=0)]
    r1_interval: Positive
    generator_learning_rate: Annotated[float, Field(gt=0)]
    discriminator_learning_rate: Annotated[float, Field(gt=0)]
    adam_beta_1: Annotated[float, Field(ge=0, lt=1)]
    adam_beta_2: Annotated[float, Field(ge=0, lt=1)]
    ema_half_life: Natural
    log_every: Positive
    sample_every: Positive

    @field_validator("real_targets")
    @classmethod
    def _targets_rise(cls, bounds: list[float]) -> list[float]:
        return _rising(bounds)

    @model_validator(mode="after")
    def _knobs_agree(self) -> Self:
        if self.generator_batch_size < self.batch_size:
            raise ValueError("generator_batch_size is below batch_size: each step needs as many fakes as real pictures")
        if self.loss == "hinge" and self.real_targets != [1.0, 1.0]:
            raise ValueError("real_targets other than [1.0, 1.0] (soft labels) need the non-saturating loss")
        return self


def _requirement(line: str) -> str:
    requirements.parse(line)
    return line


@dataclass(frozen=True, config=_STRICT)
class Score:
    """How the generator is judged."""

    extractor: Literal[
        "efficientnet-lite0", "efficientnet-lite0-bfloat16", "inception-2015", "nasnet-large", "resnet50-v2"
    ]
    weights: Annotated[str, Field(min_length=1)] | None
    samples: Annotated[int, Field(ge=6)]
    batch_size: Positive
    seed: Natural
    require: list[Annotated[str, AfterValidator(_requirement)]]


def _rising(bounds: list[Number]) -> list[Number]:
    if bounds[0] > bounds[1]:
        raise ValueError("the lower bound is above the upper one")
    return bounds


SECTIONS = {section.__name__.lower(): section for section in (Data, Unpack, Validate, Crop, Train, Score)}

Section = TypeVar("Section", Data, Unpack, Validate, Crop, Train, Score)


def load(section: type[Section], path: Path = FILE) -> Section:
    """Read one section of `path`.

    Raises:
        UsageError: naming the key, the value received and what was expected.
    """
    name = section.__name__.lower()
    content = read(path)
    if name not in content:
        raise UsageError(f"{path}: section {name!r} is missing.")
    return _checked(section, name, content[name], path)


def read(path: Path = FILE) -> dict[str, Any]:
    """Read all sections of `path` as plain dictionaries, not yet checked but for their names."""
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} is not here: run pedigree from the project's root.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.") from None
    except YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected the sections {', '.join(SECTIONS)}. Received: {content!r}")
    for name in content:
        if name not in SECTIONS:
            raise UsageError(f"{path}: unknown section {name!r}; the sections are {', '.join(SECTIONS)}.")
    return content


def _checked(section: type[Section], name: str, values: Any, path: Path) -> Section:
    if not isinstance(values, dict):
        raise UsageError(f"{path}: {name} must be a section of parameters. Received: {values!r}")
    try:
        return section(**{str(key): value for key, value in values.items()})
    except ValidationError as invalid:
        raise UsageError(" ".join(_told(name, error, path) for error in invalid.errors())) from None


def _told(name: str, error: Any, path: Path) -> str:
    """Turn one of pydantic's errors into `file: key: what is wrong. Received: value`."""
    key = ".".join([name, *(str(part) for part in error["loc"])])
    if error["type"] == "missing":
        return f"{path}: {key} is missing."
    if error["type"] == "unexpected_keyword_argument":
        return f"{path}: {key} is not a parameter."
    return f"{path}: {key}: {error['msg'].removeprefix('Value error, ')}. Received: {error['input']!r}"
