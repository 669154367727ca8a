"""What the sections of `params.yaml` are made of: types with a range, and parameters with a default."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict, Field

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

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


def _ascending(bounds: list[Number]) -> list[Number]:
    if bounds[0] > bounds[1]:
        raise ValueError("the lower bound is above the upper one")
    return bounds


_PAIR = (Field(min_length=2, max_length=2), AfterValidator(_ascending))

Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Shares = Annotated[list[Share], *_PAIR]
Counts = Annotated[list[Natural], *_PAIR]
