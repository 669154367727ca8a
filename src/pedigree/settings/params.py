"""`params.yaml`: a section a stage, each one frozen dataclass; a wrong key or value is an error that names it."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pedigree.common.measures import MEASURES
from pedigree.common.paths import PARAMS
from pedigree.errors import UsageError
from pedigree.settings import criteria
from pedigree.settings.train import STRICT, Natural, Positive, Share
from pedigree.settings.train import Train as Train

FILE = PARAMS


@dataclass(frozen=True, config=STRICT)
class Data:
    """The archives everything is made from."""

    images: Annotated[str, Field(min_length=1)]
    annotations: Annotated[str, Field(min_length=1)] | None


@dataclass(frozen=True, config=STRICT)
class Unpack:
    """Limits on what an archive may unpack to."""

    max_files: Positive
    max_bytes: Positive
    max_ratio: Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=STRICT)
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
        if bounds[0] > bounds[1]:
            raise ValueError("the lower bound is above the upper one")
        return bounds


@dataclass(frozen=True, config=STRICT)
class Crop:
    """How a photo and a box become a square; sizes in pixels."""

    size: Literal[16, 28, 32, 64, 128]
    frames: Literal["boxes", "whole", "both"]
    padding: Annotated[float, Field(ge=0, le=1)]
    min_box: Positive
    max_aspect: Annotated[float, Field(ge=1)]
    holdout: Annotated[float, Field(gt=0, lt=1)]
    seed: Natural
    scheduler: str | None

    @field_validator("scheduler")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is not None and not re.fullmatch(r"(tcp|tls)://[^\s/]+:\d+", address):
            raise ValueError("expected null or a Dask scheduler's tcp://host:port or tls://host:port")
        return address


def _requirement(line: str) -> str:
    criteria.parse(line)
    return line


@dataclass(frozen=True, config=STRICT)
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


def _comparable(key: str) -> str:
    known = sorted(name for name, measure in MEASURES.items() if measure.better)
    if key not in known:
        near = "".join(f" (nearest: {name!r})" for name in get_close_matches(key, known, 1))
        raise ValueError(f"no number of metrics.json that can be better or worse{near}")
    return key


@dataclass(frozen=True, config=STRICT)
class Gate:
    """What a newly trained generator must be like to take the champion's place."""

    no_worse: list[Annotated[str, AfterValidator(_comparable)]]
    slack: Share
    new_collapses: Natural
    require: list[Annotated[str, AfterValidator(_requirement)]]


SECTIONS = {section.__name__.lower(): section for section in (Data, Unpack, Validate, Crop, Train, Score, Gate)}

Section = TypeVar("Section", Data, Unpack, Validate, Crop, Train, Score, Gate)


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
    told = f"{path}: {key}: {error['msg'].removeprefix('Value error, ')}."
    return f"{told} Received: {error['input']!r}" if error["loc"] else told  # without: it names all that do not fit
