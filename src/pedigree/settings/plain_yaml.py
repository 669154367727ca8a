"""Reads YAML that a person wrote, within limits: no text can crash the parser or expand without end."""

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent

LARGEST = 1_000_000  # characters; params.yaml has about ten thousand
DEEPEST = 20  # levels; params.yaml has three
MOST_VALUES = 100_000  # after aliases are expanded


def parse(text: str) -> Any:
    """Return the value of a YAML text, made of plain dictionaries, lists and values.

    Raises:
        ValueError: if it is not YAML, or exceeds a limit. The message has one line, with line and column if known.
    """
    if len(text) > LARGEST:
        raise ValueError(f"it has more than {LARGEST} characters")
    try:
        _check_form(text)
        content = YAML(typ="safe").load(text)
    except Exception as error:  # the values raise errors of many types: 2026-13-45, !!omap with a key twice
        raise ValueError(_reason(error)) from None
    _count(content, 0)
    return content


def _reason(error: Exception) -> str:
    """Return the place and the reason of an error in one line."""
    if isinstance(error, MarkedYAMLError) and error.problem and error.problem_mark:
        line, column = error.problem_mark.line + 1, error.problem_mark.column + 1
        reason = ", ".join(filter(None, (error.context, error.problem)))
        return " ".join(f"line {line}, column {column}: {reason}".split())
    return " ".join(str(error).split()) or f"it has a wrong value, {type(error).__name__}"


def _check_form(text: str) -> None:
    """Check depth and length before the text is loaded, because the parser in C recurses without a limit."""
    depth = 0
    for number, event in enumerate(YAML(typ="safe").parse(text)):
        if number > MOST_VALUES:
            raise ValueError(f"it has more than {MOST_VALUES} values")
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it has more than {DEEPEST} levels")


def _count(value: Any, depth: int, before: int = 0) -> int:
    """Return `before` plus the number of values in `value`. An aliased value counts each time."""
    if depth > DEEPEST:
        raise ValueError(f"it has more than {DEEPEST} levels")
    count = before + 1
    if isinstance(value, dict):
        value = [*value, *value.values()]
    for one in value if isinstance(value, list | tuple | set) else ():
        count = _count(one, depth + 1, count)
    if count > MOST_VALUES:
        raise ValueError(f"it has more than {MOST_VALUES} values")
    return count
