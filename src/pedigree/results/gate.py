"""The gate: decides whether a new generator, the candidate, may replace the champion, which is in use."""

import math
from collections.abc import Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tabulate import tabulate

from pedigree.common.measures import DEVIATIONS, MEASURES
from pedigree.common.paths import BREED_SCORES, METRICS, PARAMS
from pedigree.results import comparison, seed_spread
from pedigree.results.comparison import Change, written
from pedigree.results.metrics_file import BIAS, Numbers, Scores, bias_note, read
from pedigree.results.seed_spread import SeedSpread
from pedigree.settings import criteria
from pedigree.settings.params import Gate, load


@dataclass(frozen=True)
class GateResult:
    """The decision of the gate."""

    reasons: tuple[str, ...]  # why the candidate does not pass; empty if it passes
    notes: tuple[str, ...]  # what could not be compared
    rows: list[dict[str, Any]]  # one for each number, for people to read

    @property
    def passed(self) -> bool:
        """Whether the candidate may replace the champion."""
        return not self.reasons

    def __str__(self) -> str:
        """The rows as a table, then the reasons and the notes, each on its own line."""
        table = tabulate([row.values() for row in self.rows], tablefmt="plain", disable_numparse=True)
        return "\n".join([*table.splitlines(), *self.reasons, *self.notes])


def between(champion: Path | None, candidate: Path) -> GateResult:
    """Judge the project at `candidate` against the one at `champion`, if any, with the candidate's parameters.

    Raises:
        PedigreeError: one of them has no scores.
        UsageError: the gate's parameters are wrong.
    """
    settings, now, fallen = (
        load(Gate, candidate / PARAMS),
        read(candidate / METRICS),
        collapsed(candidate / BREED_SCORES),
    )
    if champion is None:
        return judge(settings, now, None, fallen)
    spread, unknown = seed_spread.of_champion(champion, candidate)
    result = judge(settings, now, read(champion / METRICS), fallen - collapsed(champion / BREED_SCORES), spread)
    return replace(result, notes=(*result.notes, unknown)) if unknown else result


def judge(
    settings: Gate,
    candidate: Scores,
    champion: Scores | None,
    newly_collapsed: Set[str] = frozenset(),
    spread: SeedSpread | None = None,
) -> GateResult:
    """Judge the scores of a candidate against those of the champion, or alone if there is none.

    A number of `no_worse` may be worse by its 95 % interval or by the `spread` of the champion's recipe between seeds,
    whichever is larger. If the spread is not known, it may be worse by its 95 % interval plus `slack` times the
    champion's number. If a number is not comparable, for example because of other sample sizes, there is a note. If
    none is comparable, the candidate does not pass. If the judge trained one of the generators only, neither.
    """
    extractor, numbers = next(iter(candidate.items()))
    reasons = [f"{unmet} (gate.require)" for unmet in criteria.check(numbers, settings.require)]
    if len(newly_collapsed) > settings.new_collapses:
        reasons.append(f"newly collapsed: {', '.join(sorted(newly_collapsed))}")
    before = {} if champion is None else champion.get(extractor, {})
    biased = [note] if (note := bias_note(extractor, before, numbers)) else []
    if champion is None:
        return GateResult(
            tuple(reasons), ("There is no champion to compare with.", *biased), _uncompared(numbers, settings)
        )
    if biased and not (before.get(BIAS) and numbers.get(BIAS)):
        advice = "Set score.extractor to a network that trained neither, and score both."
        return GateResult((*reasons, f"not comparable: {biased[0]} {advice}"), (), _uncompared(numbers, settings))
    if extractor not in champion:
        reasons.append(f"scored with {extractor}, but the champion with {', '.join(champion)}: not comparable")
        return GateResult(tuple(reasons), (), _uncompared(numbers, settings))
    compared = {row.key: row for row in comparison.compare(champion[extractor], numbers)}
    rows = [compared[key] for key in settings.no_worse if key in compared]
    unknown = [row for row in rows if row.word == "?" and row.now is not None]
    between = {row.key: spread.allowed(extractor, row.key) if spread else None for row in rows}
    allowed = {row.key: _allowed(row, settings.slack, between[row.key]) for row in rows}
    reasons += [reason for row in rows if row not in unknown and (reason := _too_bad(row, allowed[row.key]))]
    if rows and len(unknown) == len(rows):
        reasons.append("none of gate.no_worse could be compared with the champion's")
    notes = tuple(f"{MEASURES[row.key].title} was not compared: {row.reason}." for row in unknown)
    return GateResult(tuple(reasons), (*biased, *notes), [_shown(row, allowed[row.key]) for row in rows])


def collapsed(breeds: Path) -> set[str]:
    """Return the collapsed breeds of a `breeds.csv`."""
    import pandas

    table = pandas.read_csv(breeds)
    return set(table.loc[table["collapsed"].astype(str) == "True", "breed"])


def _too_bad(row: Change, allowed: float) -> str | None:
    """Return by how much a number is worse than allowed, as text; None if it is not."""
    title = MEASURES[row.key].title
    if row.now is None:
        return f"{title} could not be measured; the champion has {row.before}"
    if row.word != "worse" or not isinstance(row.before, int | float) or not isinstance(row.now, int | float):
        return None
    over = abs(row.now - row.before) - allowed
    change = f"{title} went from {row.before:.4g} to {row.now:.4g}"
    return f"{change}, {over:.2g} more than the {allowed:.2g} that may be chance" if over > 0 else None


def _allowed(row: Change, slack: float, between_seeds: float | None) -> float:
    """Return by how much a number may be worse. The spread between seeds contains the chance of one scoring."""
    chance = DEVIATIONS * math.hypot(row.error_before or 0, row.error_now or 0)
    if between_seeds is not None:
        return max(chance, between_seeds)
    return chance + (slack * abs(row.before) if isinstance(row.before, int | float) else 0)


def _uncompared(numbers: Numbers, settings: Gate) -> list[dict[str, Any]]:
    """Return the candidate's own numbers of `no_worse`, as rows like those of a comparison."""
    own = {row.key: row for row in comparison.compare(numbers, numbers)}
    rows = [own[key] for key in settings.no_worse if key in own]
    return [_shown(row, 0) | {"champion": "", "may be worse by": "", "verdict": "not compared"} for row in rows]


def _shown(row: Change, allowed: float) -> dict[str, Any]:
    before, now = (
        " ".join(written(*pair)).strip() for pair in ((row.before, row.error_before), (row.now, row.error_now))
    )
    reason = _too_bad(row, allowed)
    judged = (
        "worse"
        if reason
        else f"not compared: {row.reason}"
        if row.word == "?"
        else "within chance"
        if row.word == "worse"
        else row.word
    )
    return {
        "number": MEASURES[row.key].title,
        "champion": before,
        "candidate": now,
        "may be worse by": f"{allowed:.2g}",
        "verdict": judged,
    }
