"""What the numbers must be like for the score stage to pass: the lines of `score.require`."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any, get_args

from pedigree.common.measures import CONDITIONS, DEVIATIONS, MEASURES, CopyingVerdict
from pedigree.errors import PedigreeError

NUMBERS = frozenset(set(CONDITIONS) | set(MEASURES) | {e.real for e in MEASURES.values() if e.real})
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
    """One line, understood."""

    key: str
    sign: str
    bound: float | str  # a number, the key of another number, or the word that a verdict is

    @property
    def told(self) -> str:
        """The sign and the bound, in few characters."""
        return f"{self.sign} {self.bound if isinstance(self.bound, str) else format(self.bound, '.15g')}"


def parse(line: str) -> Requirement:
    """Understand one line of `score.require`: `key sign bound`, the bound a number, another number's key, or a word.

    Raises:
        ValueError: saying what was expected instead, with the nearest key where there is none of that name.
    """
    found = _LINE.fullmatch(line)
    if not found:
        raise ValueError(FORM)
    key, sign, bound = found.groups()
    if key in WORDS:
        return _of_words(key, sign, bound)
    if key not in NUMBERS:
        raise ValueError(f"metrics.json has no {key!r}{_nearest(key, NUMBERS | WORDS.keys())}")
    if _NUMBER.fullmatch(bound) and isfinite(float(bound)):
        return Requirement(key, sign, float(bound))
    if bound not in NUMBERS:
        raise ValueError(f"{bound!r} is neither a number nor the key of one{_nearest(bound, NUMBERS)}; {FORM}")
    return Requirement(key, sign, bound)


def check(numbers: Mapping[str, Any], require: Sequence[str]) -> list[str]:
    """Hold the numbers of one extractor, by the keys of `metrics.json`, against the lines of `score.require`.

    The number itself is compared, to the six digits it is written with, not its interval. One that could not be
    measured meets nothing.

    Returns:
        What is not met, a phrase each; empty where all is.
    """
    return [told for line in require if (told := _unmet(parse(line), numbers))]


def enforce(numbers: Mapping[str, Any], require: Sequence[str]) -> None:
    """Stop unless every line of `score.require` is met; to be called when the reports are written.

    Raises:
        PedigreeError: naming each number that is not as required.
    """
    if unmet := check(numbers, require):
        raise PedigreeError(
            f"{len(unmet)} of {len(require)} in score.require not met: {'; '.join(unmet)}. "
            "The reports are written; train a better generator or change score.require in params.yaml."
        )


def _of_words(key: str, sign: str, bound: str) -> Requirement:
    if sign not in ("==", "!=") or bound not in WORDS[key]:
        raise ValueError(f"{key} is a word: expected == or !=, and {' or '.join(WORDS[key])}")
    return Requirement(key, sign, bound)


def _unmet(required: Requirement, numbers: Mapping[str, Any]) -> str | None:
    value = numbers.get(required.key)
    bound: float | str | None = required.bound
    told = f"{required.key} is {_valued(value)}, required {required.told}"
    if isinstance(bound, str) and required.key not in WORDS:
        told = f"{told}, which is {_valued(numbers.get(bound))}"
        bound = _written(numbers.get(bound))
    return None if _holds(_written(value), required.sign, bound) else told


def _holds(value: float | str | None, sign: str, bound: float | str | None) -> bool:
    return value is not None and bound is not None and _SIGNS[sign](value, bound)


def _written(value: Any) -> float | str | None:
    """Return a value as `metrics.json` has it: a number to six digits, null where there is none."""
    if isinstance(value, str):
        return value
    return float(f"{value:.6g}") if value is not None and isfinite(value) else None


def _valued(value: Any) -> str:
    written = _written(value)
    if not isinstance(written, float):
        return written or "not measured"
    error = getattr(value, "standard_error", None)  # an Estimate's; its module would bring in NumPy
    return f"{written:.6g}" + (f" ± {DEVIATIONS * error:.2g}" if error else "")


def _nearest(key: str, known: frozenset[str]) -> str:
    near = get_close_matches(key, sorted(known), 1)
    return f" (nearest: {near[0]!r})" if near else ""
