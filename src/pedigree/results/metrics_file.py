"""Reads and checks `metrics.json`, from a path or from a git revision."""

import sys
from pathlib import Path
from typing import Any

from pedigree.common import json_text
from pedigree.common.paths import METRICS
from pedigree.errors import PedigreeError, UsageError
from pedigree.results.revisions import commit_of, content_of, no_repository, outside_project

ERRORS = "standard_error"
BIAS = "bias"  # a word if the extractor trained the generator; else null or missing

Value = float | str | None
Numbers = dict[str, Any]  # one extractor's: a Value by key, and under ERRORS the standard errors by key
Scores = dict[str, Numbers]  # by extractor


def read(path: Path = METRICS) -> Scores:
    """Read the scores of a file.

    Raises:
        PedigreeError: the file does not exist or has another structure.
    """
    if not path.exists():
        raise PedigreeError(f"{path} does not exist: run `dvc repro` in the project's root.")
    return _parsed(path.read_bytes(), str(path))


def read_against(name: str) -> Scores:
    """Read the scores of `name`: a file, or else a git revision of the project here.

    Raises:
        UsageError: `name` is neither.
        PedigreeError: git is not installed, the revision has no scores, or the file has another structure.
    """
    if Path(name).is_file():
        return read(Path(name))
    if reason := no_repository():
        raise UsageError(f"{name!r} is neither a file here nor a revision: {reason}.")
    commit = commit_of(name)
    if commit is None:
        raise UsageError(f"{name!r} is neither a file here nor a revision of this repository (`git log` lists them).")
    return read_at(commit, name)


def read_at(commit: str, name: str, root: Path = Path()) -> Scores:
    """Read the scores of the project at `root` at the git commit `commit`. Errors call it revision `name`.

    Raises:
        PedigreeError: git is not installed, the revision has no scores, or the file has another structure.
    """
    content = content_of(commit, METRICS, root)
    if content is None:
        raise PedigreeError(
            outside_project(root)
            or f"revision {name} has no {METRICS}; `git log -- {METRICS}` lists the revisions that have it."
        )
    return _parsed(content, f"{METRICS} at revision {name}")


def judge_name(extractor: str, numbers: Numbers) -> str:
    """Return the extractor's name, with a remark if its numbers are biased."""
    return f"{extractor} (biased)" if numbers.get(BIAS) else extractor


def bias_note(extractor: str, before: Numbers, now: Numbers) -> str:
    """Say that the extractor trained one of two generators, or both; empty if it trained neither."""
    which = {
        (True, True): "both generators, so their numbers are",
        (True, False): "the earlier generator, so the earlier numbers are",
        (False, True): "the new generator, so the new numbers are",
    }
    trained = which.get((bool(before.get(BIAS)), bool(now.get(BIAS))))
    return f"{extractor} trained {trained} biased." if trained else ""


def _parsed(content: bytes, origin: str) -> Scores:
    try:
        scores = json_text.parse(content, parse_constant=lambda _: None)  # NaN and infinities count as not measured
    except ValueError as error:
        raise PedigreeError(f"{origin} is not JSON ({error}).") from None
    scores = _unwrapped(scores)
    if flaw := _flaw(scores):
        raise PedigreeError(f"{origin} is not a file that `pedigree score` writes: {flaw}.")
    return {extractor: dict(numbers) for extractor, numbers in scores.items()}


def _unwrapped(scores: Any) -> Any:
    """Take the standard errors out of the list that files have. Files of earlier versions have none."""
    if not isinstance(scores, dict):
        return scores
    return {
        extractor: numbers | {ERRORS: numbers[ERRORS][0]}
        if isinstance(numbers, dict) and isinstance(numbers.get(ERRORS), list) and len(numbers[ERRORS]) == 1
        else numbers
        for extractor, numbers in scores.items()
    }


def _flaw(scores: Any) -> str | None:
    """Return how `scores` differs from {extractor: {key: number, word or null, "standard_error": {…}}}, or None."""
    if not isinstance(scores, dict) or not scores:
        return f"expected an object of extractors. Received: {_short(scores)}"
    for extractor, numbers in scores.items():
        if not extractor.isprintable():
            return f"the name of an extractor has control characters. Received: {_short(extractor)}"
        if not isinstance(numbers, dict):
            return f"{extractor!r} should hold numbers by name. Received: {_short(numbers)}"
        errors = numbers.get(ERRORS, {})
        if not isinstance(errors, dict):
            return f"{extractor}.{ERRORS} should hold numbers by name. Received: {_short(errors)}"
        for key, value in numbers.items():
            if not f"{key}{value}".isprintable():
                return f"a name or a word of {extractor} has control characters. Received: {_short(key)}"
            if key != ERRORS and not (value is None or isinstance(value, str) or _is_number(value)):
                return f"{extractor}.{key} should be a number, a word or null. Received: {_short(value)}"
        for key, value in errors.items():
            if not (value is None or (_is_number(value) and value >= 0)):
                return f"{extractor}.{ERRORS}.{key} should be a number from 0. Received: {_short(value)}"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
