"""`params.yaml`: a section per stage, each a frozen dataclass; errors name key, value and what was expected."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from pedigree.common.paths import PARAMS
from pedigree.errors import UsageError
from pedigree.settings import plain_yaml
from pedigree.settings.crop import Crop as Crop
from pedigree.settings.data import Data as Data
from pedigree.settings.fields import nearest, shown
from pedigree.settings.gate import Gate as Gate
from pedigree.settings.score import Score as Score
from pedigree.settings.section_yaml import parameters, value_text
from pedigree.settings.train import Train as Train
from pedigree.settings.translate import Translate as Translate
from pedigree.settings.unpack import Unpack as Unpack
from pedigree.settings.validate import Validate as Validate

FILE = PARAMS
MOST_ERRORS = 30  # in one message
LONGEST_KEY = 100  # characters; the rest of a longer key is not shown

SECTIONS = {section.__name__.lower(): section for section in (Data, Unpack, Validate, Crop, Train, Score, Gate)}
OPTIONAL = {"translate": Translate}  # a stage that is off without its section
SWITCH = {"translate": "`pedigree recipe cyclegan` writes it"}  # how to switch such a stage on
KNOWN = SECTIONS | OPTIONAL

Section = TypeVar("Section", Data, Unpack, Validate, Crop, Train, Score, Gate, Translate)


def load(section: type[Section], path: Path = FILE) -> Section:
    """Read one section of `path`.

    Raises:
        UsageError: naming the key, the value received and what was expected.
    """
    name = section.__name__.lower()
    content = read(path)
    if name not in content:
        raise UsageError(f"{path}: section {name!r} is missing{f': {SWITCH[name]}' if name in SWITCH else ''}.")
    return _checked(section, name, content[name], path)


def read(path: Path = FILE) -> dict[str, Any]:
    """Read all sections of `path` as plain dictionaries. Of these, only the sections' names are checked."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path} was not found: run pedigree from the project's root.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.") from None
    try:
        content = plain_yaml.parse(text)
    except ValueError as error:
        raise UsageError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected the sections {', '.join(SECTIONS)}. Received: {shown(content)}")
    for name in content:
        if name not in KNOWN:
            raise UsageError(f"{path}: unknown section {shown(name)}; the sections are {', '.join(KNOWN)}.")
    return content


def _checked(section: type[Section], name: str, values: Any, path: Path) -> Section:
    if not isinstance(values, dict):
        raise UsageError(f"{path}: {name} must be a section of parameters. Received: {shown(values)}")
    if wrong := _wrong_keys(section, name, [str(key)[:LONGEST_KEY] for key in values]):
        raise UsageError(" ".join(f"{path}: {message}" for message in wrong[:MOST_ERRORS]))
    try:
        return section(**values)
    except ValidationError as invalid:
        *others, last = (_message(name, error, path) for error in invalid.errors()[:MOST_ERRORS])
        raise UsageError("; ".join([*(other.removesuffix(".") for other in others), last])) from None


def _wrong_keys(section: type[Section], name: str, keys: list[str]) -> list[str]:
    """Return a message for each key that is no parameter, and for each parameter that is missing."""
    known = parameters(section)
    unknown = [f"{name}.{key} is not a parameter{nearest(key, known)}." for key in keys if key not in known]
    missing = [
        f"{name}.{key} is missing: add the line `{key}: {value_text(parameter.default)}`, its default."
        for key, parameter in known.items()
        if key not in keys
    ]
    return unknown + missing


def _message(name: str, error: Any, path: Path) -> str:
    """Turn one of pydantic's errors into `file: key: what is wrong. Received: value`."""
    key = ".".join([name, *(str(part) for part in error["loc"])])
    message = f"{path}: {key}: {error['msg'].removeprefix('Value error, ')}."
    if not error["loc"]:  # the message names the parameters that do not fit together
        return message
    return f"{message} Received: {shown(error['input'])}"
