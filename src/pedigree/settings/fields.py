"""What the sections of `params.yaml` are made of: types with a range, and parameters with a default."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

LONGEST = 200  # characters of a value in a message

Number = TypeVar("Number", int, float)


def parameter(default: Any, explanation: str, *, heading: str | None = None) -> Any:
    """Declare a parameter of a section, as the default value of a dataclass field.

    Args:
        default: the value that recipes and tests start from. `params.yaml` must still name every parameter.
        explanation: the comment in `params.yaml`. It needs no list of choices: those come from the field's `Literal`.
        heading: the sub-heading in `params.yaml` of the group that begins with this parameter.
    """
    return Field(default, description=explanation, json_schema_extra={"heading": heading})


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint for an error message, such as " (nearest: 'coverage')"; empty if no known name is similar."""
    return "".join(f" (nearest: {match!r})" for match in get_close_matches(name, sorted(known), 1))


def shown(value: Any) -> str:
    """Return a value for a message, shortened to fit on one line."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def regular_expression(pattern: str) -> str:
    """Return `pattern`, if Python can compile it; raise a ValueError if not."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression ({error})") from None
    return pattern


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("the character NUL cannot be part of a name")
    return text


def _ascending(bounds: list[Number]) -> list[Number]:
    if bounds[0] > bounds[1]:
        raise ValueError("the lower bound is above the upper one")
    return bounds


def _whole(value: Any) -> Any:
    """Return a float without a fraction, such as YAML's 1e4, as an int; everything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_PAIR = (Field(min_length=2, max_length=2), AfterValidator(_ascending))

Text = Annotated[str, Field(min_length=1), AfterValidator(_without_nul)]
WHOLE = BeforeValidator(_whole)
Whole = Annotated[int, WHOLE]
Positive = Annotated[Whole, Field(gt=0)]
Natural = Annotated[Whole, Field(ge=0)]
Seed = Annotated[Whole, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Shares = Annotated[list[Share], *_PAIR]
Counts = Annotated[list[Natural], *_PAIR]
