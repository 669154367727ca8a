"""The table of the most important numbers by every judge, beside each other."""

from dataclasses import dataclass
from typing import Any

from pedigree.common.measures import MEASURES
from pedigree.score.evaluation import Metrics
from pedigree.score.page.figures import figure, finite, interval

SHOWN = (
    "frechet_distance_at_floor_size",
    "kernel_distance",
    "precision",
    "recall_at_floor_size",
    "coverage_at_floor_size",
    "breed_accuracy",
)


@dataclass(frozen=True)
class ByJudge:
    """A number by one judge, and the same number of held-out photos; empty if it is not known."""

    value: str
    real: str


@dataclass(frozen=True)
class NumberByJudges:
    """One number by all judges."""

    title: str
    better: str  # which direction is better; empty if neither is
    cells: list[ByJudge]


def lay_out(numbers: dict[str, Metrics]) -> list[NumberByJudges]:
    """Return the rows for the numbers of at least two judges; none for a single judge, whose numbers are on the page.

    Args:
        numbers: by judge, in the order of the columns.
    """
    if len(numbers) < 2:
        return []
    rows = [
        NumberByJudges(
            MEASURES[key].title, f"{MEASURES[key].better} is better", [_cell(key, one) for one in numbers.values()]
        )
        for key in SHOWN
    ]
    verdicts = [ByJudge(str(one.get("memorization_verdict") or ""), "") for one in numbers.values()]
    return [*rows, NumberByJudges("Memorisation verdict", "", verdicts)]


def _cell(key: str, numbers: Metrics) -> ByJudge:
    return ByJudge(_text(numbers.get(key)), _text(numbers.get(MEASURES[key].real or "")))


def _text(number: Any) -> str:
    return "" if finite(number) is None else f"{figure(number)} {interval(number)}".rstrip()
