"""The requirements that scores must meet: the lines of `score.require` and `gate.require`."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, get_args

from pedigree.common.measures import CONDITIONS, DEVIATIONS, MEASURES, CopyingVerdict
from pedigree.errors import PedigreeError
from pedigree.settings.fields import nearest

NUMBERS = frozenset(CONDITIONS) | frozenset(MEASURES) | {m.real for m in MEASURES.values() if m.real}
WORDS: dict[str, tuple[str, ...]] = {"memorization_verdict": get_args(CopyingVerdict)}
FORM = "expected a key of metrics.json, one of < <= > >= == != and a number or another key, as in 'coverage >= 0.5'"

_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_LINE = re.compile(r"\s*(\w+)\s*(<=|>=|==|!=|<|>)\s*([\w.+-]+)\s*", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Requirement:
    """One line of `score.require`, parsed."""

    key: str
    sign: str
    bound: float | str  # a number, the key of another number, or a word such as "fine"

    def __str__(self) -> str:
        """Return the sign and the bound, such as ">= 0.5"."""
        return f"{self.sign} {self.bound if isinstance(self.bound, str) else format(self.bound, '.15g')}"


def parse(line: str) -> Requirement:
    """Parse a line `key sign bound`, where the bound is a number, the key of another number, or a word.

    Raises:
        ValueError: the line has another form, or a name in it is unknown. The message suggests the nearest name.
    """
    match = _LINE.fullmatch(line)
    if not match:
        raise ValueError(FORM)
    key, sign, bound = match.groups()
    if key in WORDS:
        return _word_requirement(key, sign, bound)
    if key not in NUMBERS:
        raise ValueError(f"metrics.json has no {key!r}{nearest(key, NUMBERS | WORDS.keys())}")
    if _NUMBER.fullmatch(bound) and isfinite(float(bound)):
        return Requirement(key, sign, float(bound))
    if bound not in NUMBERS:
        raise ValueError(f"{bound!r} is neither a number nor the key of a number{nearest(bound, NUMBERS)}; {FORM}")
    return Requirement(key, sign, bound)


def check(numbers: Mapping[str, Any], require: Sequence[str]) -> list[str]:
    """Compare the numbers of one extractor with the lines of `score.require`.

    Numbers are compared as `metrics.json` has them, with six digits and without their ±. A number that was not
    measured meets no requirement.

    Args:
        numbers: by their keys in `metrics.json`.
        require: lines that `parse` accepts.

    Returns:
        A phrase for each requirement that is not met.
    """
    return [phrase for line in require if (phrase := _unmet(parse(line), numbers))]


def enforce(numbers: Mapping[str, Any], require: Sequence[str]) -> None:
    """Raise if a line of `score.require` is not met. Call it when the reports are written.

    Raises:
        PedigreeError: some requirements are not met. The message names each.
    """
    if unmet := check(numbers, require):
        raise PedigreeError(
            f"{len(unmet)} of {len(require)} in score.require not met: {'; '.join(unmet)}. "
            "The reports are written. Train a better generator, or change score.require in params.yaml."
        )


def _word_requirement(key: str, sign: str, bound: str) -> Requirement:
    if sign not in ("==", "!=") or bound not in WORDS[key]:
        raise ValueError(f"{key} is a word: expected == or !=, and {' or '.join(WORDS[key])}")
    return Requirement(key, sign, bound)


def _unmet(requirement: Requirement, numbers: Mapping[str, Any]) -> str | None:
    """Return a phrase that says how a requirement is not met; None if it is met."""
    value = numbers.get(requirement.key)
    bound: float | str | None = requirement.bound
    phrase = f"{requirement.key} is {_value_text(value)}, required {requirement}"
    if isinstance(bound, str) and requirement.key not in WORDS:
        phrase = f"{phrase}, which is {_value_text(numbers.get(bound))}"
        bound = _rounded(numbers.get(bound))
    return None if _holds(_rounded(value), requirement.sign, bound) else phrase


def _holds(value: float | str | None, sign: str, bound: float | str | None) -> bool:
    return value is not None and bound is not None and _SIGNS[sign](value, bound)


def _rounded(value: Any) -> float | str | None:
    """Return a value as `metrics.json` has it: a number with six digits, None for a number that was not measured."""
    if isinstance(value, str):
        return value
    return float(f"{value:.6g}") if value is not None and isfinite(value) else None


def _value_text(value: Any) -> str:
    rounded = _rounded(value)
    if not isinstance(rounded, float):
        return rounded or "not measured"
    error = getattr(value, "standard_error", None)  # an Estimate has one; importing its module would import NumPy
    return f"{rounded:.6g}" + (f" ± {DEVIATIONS * error:.2g}" if error else "")
