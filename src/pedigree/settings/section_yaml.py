"""The text of a section of `params.yaml`: its parameters in order, with sub-headings and comments."""

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from textwrap import wrap
from typing import Any, Literal, get_args, get_origin

COLUMN = 30  # where comments start, unless the value is longer
WIDTH = 120
LONGEST = WIDTH - COLUMN - 2  # a longer comment stands above its parameter

_PLAIN = re.compile(r"[A-Za-z][\w./-]*|[A-Za-z]\w*://[\w.:/-]*\w", re.ASCII)
_NOT_TEXT = re.compile(r"true|false|null|yes|no|on|off|y|n", re.IGNORECASE)  # to a reader of YAML 1.2 or 1.1


@dataclass(frozen=True)
class Parameter:
    """What a section's dataclass says of one parameter."""

    name: str
    default: Any
    comment: str  # the choices of a `Literal`, then the explanation
    heading: str | None  # the sub-heading above it


def parameters(section: type) -> dict[str, Parameter]:
    """Return the parameters of a section's dataclass by name, in order."""
    fields: Mapping[str, Any] = section.__pydantic_fields__  # type: ignore[attr-defined]
    return {
        name: Parameter(
            name,
            field.get_default(call_default_factory=True),
            "; ".join(filter(None, (_choices(field.annotation), field.description))),
            (field.json_schema_extra or {}).get("heading"),
        )
        for name, field in fields.items()
    }


def section_text(
    section: type,
    values: Mapping[str, Any],
    *,
    comments: Mapping[str, str] | None = None,
    head: Sequence[str] | None = None,
) -> str:
    """Return a section as it stands in `params.yaml`.

    Args:
        section: its dataclass.
        values: by name; the others have their default.
        comments: by name, in place of the dataclass's.
        head: the comment lines above the section, with their "# "; None: the dataclass's docstring.
    """
    if head is None:
        head = [f"# {line}" for line in inspect.cleandoc(section.__doc__ or "").splitlines()]
    lines = [*head, f"{section.__name__.lower()}:"]
    for name, parameter in parameters(section).items():
        if parameter.heading:
            lines += ["", f"  # {parameter.heading}"]
        comment = (comments or {}).get(name, parameter.comment)
        lines += _parameter_lines(name, values.get(name, parameter.default), comment)
    return "\n".join(lines) + "\n"


def value_text(value: Any) -> str:
    """Return a value as YAML: null, a boolean, a number, a string of printable characters, or a list or map of them."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{value_text(name)}: {value_text(one)}' for name, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, float):
        digits = f"{Decimal(repr(value)):f}"  # 0.00005, which repr writes as 5e-05
        return digits if "." in digits else f"{digits}.0"
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and not _NOT_TEXT.fullmatch(value):
        return value
    if "\\" in value:
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=False)


def _parameter_lines(name: str, value: Any, comment: str) -> Iterator[str]:
    """Yield the line of a parameter with its comment beside it, or above it where the comment is long."""
    text = f"  {name}: {value_text(value)}"
    if len(comment) > LONGEST:
        yield from (f"  # {line}" for line in wrap(comment, WIDTH - 4, break_long_words=False, break_on_hyphens=False))
    elif comment:
        text = f"{text:<{COLUMN - 2}}  # {comment}"
    yield text


def _choices(annotation: Any) -> str:
    """List the choices of a `Literal`, of one that may be null, or of a list of them; empty for other types."""
    options = get_args(annotation)
    if type(None) in options and len(options) == 2 and (choices := _choices(options[0])):
        return f"null | {choices}"
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    if get_origin(annotation) is list and get_origin(get_args(annotation)[0]) is Literal:
        return f"any of {', '.join(get_args(get_args(annotation)[0]))}"
    return ""
