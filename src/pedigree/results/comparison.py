"""Telling better from noise: scores before and now, each change held against what chance alone does."""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from pedigree.common.measures import CONDITIONS, COPIES, DEVIATIONS, MEASURES, NO_COPIES
from pedigree.common.paths import METRICS
from pedigree.errors import PedigreeError
from pedigree.results.metrics_file import ERRORS, Numbers, Scores, Value, read, read_against

Word = Literal["better", "worse", "noise", "changed", "same", "?"]

_OF_REAL = {measure.real: measure for measure in MEASURES.values() if measure.real}
TITLES = {
    **{key: measure.title for key, measure in MEASURES.items()},
    "memorization_verdict": "Memorisation verdict",
    **{key: f"{measure.title}: real photos" for key, measure in _OF_REAL.items()},
    **CONDITIONS,
}
_SUMMED: dict[Word, str] = {
    "better": "better",
    "worse": "worse",
    "noise": "within noise",
    "changed": "changed",
    "same": "the same",
    "?": "that cannot be told",
}
_VERDICTS: dict[tuple[Value, Value], Word] = {(NO_COPIES, COPIES): "worse", (COPIES, NO_COPIES): "better"}
_COLOURS: dict[Word, str] = {"better": "32", "worse": "31"}
GROUND = "Not the generator's doing, but it moves the numbers above too (other crops, sizes or score parameters):"
FOOT = (
    "± is 95 %. Of twenty numbers that did not move, chance alone calls one better or worse.\n"
    "Training again with another seed moves them too; that is not in the ±."
)


@dataclass(frozen=True)
class Change:
    """One number before and now, their standard errors where known, and what can be said of the change."""

    key: str
    before: Value
    now: Value
    error_before: float | None
    error_now: float | None
    word: Word
    reason: str = ""  # why nothing can be said

    @property
    def of_generator(self) -> bool:
        """Whether it speaks of the generator, not of real photos or of how the scoring was set up."""
        return self.key not in _OF_REAL and self.key not in CONDITIONS

    @property
    def differs(self) -> bool:
        """Whether it was measured both times and is not the same, be that noise or not."""
        return self.before is not None and self.now is not None and self.before != self.now


def compare(before: Numbers, now: Numbers) -> list[Change]:
    """Hold one extractor's numbers against earlier ones of the same extractor, in the scorecard's order.

    A change is noise up to 1.96 standard errors of the difference of two independent samples. Generators scored on the
    same crops share part of their errors, so this calls too much noise rather than too little. A number that depends
    on how many pictures were drawn compares only with one of the same sizes. What neither has measured is left out.
    """
    keys = [key for key in dict.fromkeys([*TITLES, *before, *now]) if key != ERRORS]
    return [_row(key, before, now) for key in keys if before.get(key) is not None or now.get(key) is not None]


def compare_each(before: Scores, now: Scores) -> dict[str, list[Change]]:
    """Compare the numbers of each extractor that both have, since those of different extractors never meet."""
    return {extractor: compare(before[extractor], numbers) for extractor, numbers in now.items() if extractor in before}


def differ(compared: dict[str, list[Change]]) -> bool:
    """Tell whether any number is not the same."""
    return any(row.word != "same" for rows in compared.values() for row in rows)


def told(rows: list[Change], colour: bool = False) -> str:
    """Lay rows out for a terminal: a summary, the generator's numbers, and what else differs."""
    own, ground = parted(rows)
    same = [f"{row.key} {row.now}" for row in rows if row.key in CONDITIONS and row.word == "same"]
    head, *lines = _table([*own, *ground], colour)
    parts = [summary(own), "\n".join([head, *lines[: len(own)]])]
    parts += ["\n".join([GROUND, *lines[len(own) :]])] if ground else []
    parts += [f"The same in both: {', '.join(same)}."] if same else []
    return "\n\n".join(parts)


def parted(rows: list[Change]) -> tuple[list[Change], list[Change]]:
    """Part rows to be told: the generator's numbers, and what else differs."""
    return [row for row in rows if row.of_generator], [row for row in rows if not row.of_generator and row.differs]


def summary(rows: list[Change]) -> str:
    """Count the words of rows: "2 better, 0 worse, 1 within noise."."""
    counts = Counter(row.word for row in rows)
    always: list[Word] = ["better", "worse", "noise"]
    return ", ".join(f"{counts[word]} {told}" for word, told in _SUMMED.items() if counts[word] or word in always) + "."


def cells(row: Change) -> tuple[str, ...]:
    """Write a row for people: title; before, now and change, each with its ± as a cell of its own; word and reason."""
    title, word = TITLES.get(row.key, row.key), f"{row.word} {row.reason}".rstrip()
    before, now = written(row.before, row.error_before), written(row.now, row.error_now)
    if isinstance(row.before, float | int) and isinstance(row.now, float | int):
        errors = row.error_before, row.error_now
        both = None if None in errors else math.hypot(*(error or 0 for error in errors))
        return title, *before, *now, *written(row.now - row.before, both, "+"), word
    return title, *before, *now, "", "", word


def written(value: Value, error: float | None, sign: str = "-") -> tuple[str, str]:
    """Write a number, and its ± to two digits; the number to as many decimals as those, to six digits without."""
    if value is None or isinstance(value, str):
        return value or "-", ""
    if not error:
        return f"{value:{sign}{'' if isinstance(value, int) else '.6g'}}", "" if error is None else "± 0"
    decimals = min(max(1 - math.floor(math.log10(DEVIATIONS * error)), 0), 9)
    return f"{value:{sign}.{decimals}f}", f"± {DEVIATIONS * error:.{decimals}f}"


def against(name: str, colour: bool = False) -> str:
    """Tell how the scores of the project here differ from those of `name`, a file or a git revision.

    Raises:
        UsageError: where `name` is neither.
        PedigreeError: where one of them has no scores, or they have no extractor in common.
    """
    now, before = read(), read_against(name)
    compared = compare_each(before, now)
    if not compared:
        raise PedigreeError(
            f"nothing compares: {METRICS} is by {', '.join(now)}, {name} by {', '.join(before)}, and numbers of "
            "different extractors never meet; set score.extractor and run `dvc repro`."
        )
    heads = {extractor: f"{METRICS} against {name}, by {extractor}" for extractor in compared}
    if not differ(compared):
        return "\n".join(f"{head}: all numbers are equal." for head in heads.values())
    tables = [f"{heads[extractor]}: {told(rows, colour)}" for extractor, rows in compared.items()]
    return "\n\n".join([*tables, FOOT])


def _row(key: str, before: Numbers, now: Numbers) -> Change:
    old, new = before.get(key), now.get(key)
    errors = before.get(ERRORS, {}).get(key), now.get(ERRORS, {}).get(key)
    if old is None or new is None:
        return Change(key, old, new, *errors, "?", f"not measured {'before' if old is None else 'now'}")
    if key in CONDITIONS:
        return Change(key, old, new, *errors, "same" if old == new else "changed")
    if isinstance(old, str) or isinstance(new, str):
        return Change(key, old, new, *errors, _VERDICTS.get((old, new), "same" if old == new else "changed"))
    if _sizes(key, before) != _sizes(key, now):
        return Change(key, old, new, *errors, "?", "other sample sizes")
    return Change(key, old, new, *errors, *_judged(key, new - old, *errors))


def _judged(key: str, change: float, before: float | None, now: float | None) -> tuple[Word, str]:
    """Find the word for a change, given both standard errors, and the reason where there is none."""
    if not change:
        return "same", ""
    if abs(change) <= DEVIATIONS * math.hypot(before or 0, now or 0):
        return "noise", ""
    if (before is None or now is None) and not isinstance(change, int):  # a count of breeds clearly collapsed is exact
        return "?", "no standard error" + ("" if before is now else " before" if before is None else " now")
    better = MEASURES[key].better if key in MEASURES else None
    if better is None:
        return "changed", ""
    return "better" if (change > 0) == (better == "higher") else "worse", ""


def _sizes(key: str, numbers: Numbers) -> list[Value]:
    """Return the sample sizes that a number depends on; those at the floor's size, on the smaller of both sides."""
    measure = MEASURES.get(key) or _OF_REAL.get(key)
    if measure is None or not measure.sized:
        return []
    drawn, held = numbers.get("samples"), numbers.get("holdout")
    if measure.real and isinstance(drawn, int) and isinstance(held, int):
        drawn = min(drawn, held)
    return [drawn, numbers.get("real")]


def _table(rows: list[Change], colour: bool) -> list[str]:
    """Return a headed, aligned line for each row: title, before, now and change, each with its ±, and the word."""
    table = [("", "before", "", "now", "", "change", "", ""), *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(7)]
    form = "{:<{}}  {:>{}} {:<{}}  {:>{}} {:<{}}  {:>{}} {:<{}}"
    lines = [form.format(*(part for pair in zip(line[:7], widths, strict=True) for part in pair)) for line in table]
    words = [_painted(line[-1], row.word, colour) for line, row in zip(table[1:], rows, strict=True)]
    return [lines[0].rstrip(), *(f"{line}  {word}" for line, word in zip(lines[1:], words, strict=True))]


def _painted(told: str, word: Word, colour: bool) -> str:
    """Colour the word that `told` begins with, where colour is wanted and it is good or bad news."""
    return f"\033[{_COLOURS[word]}m{word}\033[0m{told[len(word) :]}" if colour and word in _COLOURS else told
