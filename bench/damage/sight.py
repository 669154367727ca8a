"""What a metric makes of a ladder of damage, and the tables that show it.

A metric *sees* a damage if it gets worse along the ladder: never better by more than noise from a rung to the next,
and worse at the last than at the first by more than noise. It is *blind* if nothing moves beyond noise, goes the *wrong
way* if it gets better instead, and is *unsteady* otherwise. Noise is the 95 % interval of the difference of two rungs,
from their stated standard errors, or from the spread over the draws of a rung where that is wider.
"""

import json
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from pedigree.common.measures import DEVIATIONS, MEASURES
from pedigree.metrics.estimate import standard_error

VERDICT = "memorization_verdict"
UNLIKE_COPIES = {"memorization_distance": "higher", "memorization_nearer": "lower"}  # "better", where neither end is


@dataclass(frozen=True)
class Rung:
    """What one metric says of one strength of damage."""

    damage: str
    value: float | str
    error: float  # standard error; of a word, the share of draws that say another


def rung(damage: str, metric: str, draws: Sequence[dict[str, Any]]) -> Rung:
    """Average one metric over the draws of a rung."""
    values = [numbers[metric] for numbers in draws]
    if isinstance(values[0], str):
        word, times = Counter(values).most_common(1)[0]
        return Rung(damage, word, 1 - times / len(values))
    stated = statistics.fmean(standard_error(value) or 0.0 for value in values)
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return Rung(damage, statistics.fmean(values), max(stated, spread))


def worse(metric: str, one: Rung, other: Rung) -> float:
    """Return how much worse `other` is than `one`, in 95 % intervals of noise: 0 if the same."""
    better = UNLIKE_COPIES.get(metric) or MEASURES[metric].better
    change = (float(other.value) - float(one.value)) * (1 if better == "lower" else -1)
    noise = DEVIATIONS * math.hypot(one.error, other.error)
    return change / noise if noise else math.copysign(math.inf, change) if change else 0.0


def says(metric: str, rungs: Sequence[Rung]) -> str:
    """Say what a metric makes of a ladder, and from which strength on it sees the damage."""
    if isinstance(rungs[0].value, str):
        beyond = [one.value != rungs[0].value for one in rungs]
        return f"sees from {seen_from(rungs, beyond)}" if beyond[-1] else "blind"
    steps = [worse(metric, one, other) for one, other in pairwise(rungs)]
    whole = [worse(metric, rungs[0], other) for other in rungs]
    if whole[-1] > 1 and min(steps) >= -1:
        return f"sees from {seen_from(rungs, [change > 1 for change in whole])}"
    if whole[-1] < -1 and max(steps) <= 1:
        return "wrong way"
    return "unsteady" if max(map(abs, [*steps, whole[-1]])) > 1 else "blind"


def seen_from(rungs: Sequence[Rung], beyond: Sequence[bool]) -> str:
    """Return the mildest damage from which on all rungs are beyond noise."""
    return rungs[max((place for place, seen in enumerate(beyond) if not seen), default=0) + 1].damage


Table = dict[str, dict[str, list[Rung]]]  # by metric, then by ladder


def tabulated(results: dict[str, dict[str, list[dict[str, Any]]]]) -> Table:
    """Turn the numbers of every ladder, rung and draw into rungs by metric and ladder."""
    first = next(iter(next(iter(results.values())).values()))[0]
    metrics = [key for key in MEASURES if not key.endswith("_at_floor_size") and first.get(key) is not None]
    metrics += [VERDICT] if VERDICT in first else []
    return {
        metric: {
            ladder: [rung(damage, metric, draws) for damage, draws in rungs.items()]
            for ladder, rungs in results.items()
        }
        for metric in metrics
    }


def shown(one: Rung) -> str:
    if isinstance(one.value, float):
        return f"{one.value:.3g}"
    return f"{one.value}, {one.error:.0%} not" if one.error else one.value


def interval(one: Rung) -> str:
    return f"{DEVIATIONS * one.error:.2g}" if isinstance(one.value, float) else ""


def markdown(table: Table, floors: dict[str, Any]) -> str:
    """Lay out what each metric sees, then the numbers behind it."""
    columns = list(next(iter(table.values())))
    lines = [f"| metric | {' | '.join(columns)} |", "| --- " * (len(columns) + 1) + "|"]
    for metric, rows in table.items():
        lines.append(f"| {title(metric)} | {' | '.join(says(metric, rungs) for rungs in rows.values())} |")
    for ladder in columns:
        strengths = [one.damage for one in next(iter(table.values()))[ladder]]
        lines += ["", f"### {ladder}", "", f"| metric | {' | '.join(strengths)} | ± at the last | held-out photos | |"]
        lines.append("| --- " * (len(strengths) + 4) + "|")
        for metric, rows in table.items():
            rungs, floor = rows[ladder], floors.get(MEASURES[metric].real or "") if metric in MEASURES else None
            cells = [*map(shown, rungs), interval(rungs[-1]), "" if floor is None else f"{floor:.3g}"]
            lines.append(f"| {title(metric)} | {' | '.join(cells)} | {says(metric, rungs)} |")
    return "\n".join(lines) + "\n"


def title(metric: str) -> str:
    return MEASURES[metric].title if metric in MEASURES else "Verdict on copies"


def as_json(table: Table) -> str:
    content = {
        metric: {
            ladder: {"says": says(metric, rungs), "rungs": [asdict(one) for one in rungs]}
            for ladder, rungs in rows.items()
        }
        for metric, rows in table.items()
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
