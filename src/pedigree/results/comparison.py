"""Compares scores with earlier ones and says which changes are larger than chance."""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from tabulate import tabulate

from pedigree.common.measures import CONDITIONS, COPIES, DEVIATIONS, MEASURES, NO_COPIES
from pedigree.common.paths import METRICS
from pedigree.errors import PedigreeError
from pedigree.results.metrics_file import BIAS, ERRORS, Numbers, Scores, Value, bias_note, read, read_against

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
    "?": "not comparable",
}
_VERDICTS: dict[tuple[Value, Value], Word] = {(NO_COPIES, COPIES): "worse", (COPIES, NO_COPIES): "better"}
_COLOURS: dict[Word, str] = {"better": "32", "worse": "31"}
GROUND = "Not caused by the generator, but this also changes the numbers above (crops, sizes or score parameters):"
FOOT = (
    "± is the 95 % interval. Of twenty numbers that did not change, about one is called better or worse by chance.\n"
    "Training again with another seed also changes the numbers. The ± does not include that.\n"
    "`pedigree spread` measures it."
)


@dataclass(frozen=True)
class Change:
    """A number before and now, the standard errors if known, and the judgement of the change."""

    key: str
    before: Value
    now: Value
    error_before: float | None
    error_now: float | None
    word: Word
    reason: str = ""  # why the numbers are not comparable

    @property
    def of_generator(self) -> bool:
        """Whether the number describes the generator, not real photos or the set-up of the scoring."""
        return self.key not in _OF_REAL and self.key not in CONDITIONS

    @property
    def differs(self) -> bool:
        """Whether the number was measured both times and is not the same. Noise counts as a difference."""
        return self.before is not None and self.now is not None and self.before != self.now


def compare(before: Numbers, now: Numbers) -> list[Change]:
    """Compare the numbers of an extractor with earlier ones of the same extractor, in the order of `MEASURES`.

    A change is noise if it is at most 1.96 standard errors of the difference of two independent samples. Generators
    that are scored on the same crops share part of their errors, so this calls too many changes noise, not too few. A
    number that depends on the sample sizes is only compared at equal sizes. Numbers that neither has are left out.
    """
    keys = [key for key in dict.fromkeys([*TITLES, *before, *now]) if key not in (BIAS, ERRORS)]
    return [_row(key, before, now) for key in keys if before.get(key) is not None or now.get(key) is not None]


def compare_each(before: Scores, now: Scores) -> dict[str, list[Change]]:
    """Compare the numbers of each extractor that both have. Numbers of different extractors are not comparable."""
    return {extractor: compare(before[extractor], numbers) for extractor, numbers in now.items() if extractor in before}


def differ(compared: dict[str, list[Change]]) -> bool:
    """Return whether any number is not the same."""
    return any(row.word != "same" for rows in compared.values() for row in rows)


def render(rows: list[Change], colour: bool = False) -> str:
    """Return the rows as text for a terminal: a summary, the generator's numbers, and other differences."""
    own, ground = split(rows)
    same = [f"{row.key} {row.now}" for row in rows if row.key in CONDITIONS and row.word == "same"]
    head, *lines = _table([*own, *ground], colour)
    parts = [summary(own), "\n".join([head, *lines[: len(own)]])]
    parts += ["\n".join([GROUND, *lines[len(own) :]])] if ground else []
    parts += [f"The same in both: {', '.join(same)}."] if same else []
    return "\n\n".join(parts)


def split(rows: list[Change]) -> tuple[list[Change], list[Change]]:
    """Split the rows to show: the generator's numbers, and other differences."""
    return [row for row in rows if row.of_generator], [row for row in rows if not row.of_generator and row.differs]


def summary(rows: list[Change]) -> str:
    """Count the judgements: "2 better, 0 worse, 1 within noise."."""
    counts = Counter(row.word for row in rows)
    always: list[Word] = ["better", "worse", "noise"]
    return ", ".join(f"{counts[word]} {text}" for word, text in _SUMMED.items() if counts[word] or word in always) + "."


def cells(row: Change) -> tuple[str, ...]:
    """Format a row: title; before, now and change, each followed by a cell with its ±; judgement and reason."""
    title, word = TITLES.get(row.key, row.key), f"{row.word} {row.reason}".rstrip()
    before, now = written(row.before, row.error_before), written(row.now, row.error_now)
    if isinstance(row.before, float | int) and isinstance(row.now, float | int):
        errors = row.error_before, row.error_now
        both = None if None in errors else math.hypot(*(error or 0 for error in errors))
        return title, *before, *now, *written(row.now - row.before, both, "+"), word
    return title, *before, *now, "", "", word


def written(value: Value, error: float | None, sign: str = "-") -> tuple[str, str]:
    """Format a number and its ±. The ± has two digits and sets the decimals of the number; without it: six digits."""
    if value is None or isinstance(value, str):
        return value or "-", ""
    if not error:
        return f"{value:{sign}{'' if isinstance(value, int) else '.6g'}}", "" if error is None else "± 0"
    decimals = min(max(1 - math.floor(math.log10(DEVIATIONS * error)), 0), 9)
    return f"{value:{sign}.{decimals}f}", f"± {DEVIATIONS * error:.{decimals}f}"


def against(name: str, colour: bool = False) -> str:
    """Return how the scores of the project here differ from those of `name`, a file or a git revision.

    Raises:
        UsageError: `name` is neither.
        PedigreeError: one of them has no scores, or they have no extractor in common.
    """
    now, before = read(), read_against(name)
    compared = compare_each(before, now)
    if not compared:
        raise PedigreeError(
            f"{METRICS} uses the extractor {', '.join(now)} and {name} uses {', '.join(before)}. Their numbers are not "
            "comparable: set score.extractor to the same extractor and run `dvc repro`."
        )
    heads = {extractor: f"{METRICS} against {name}, by {extractor}" for extractor in compared}
    notes = [note for extractor in compared if (note := bias_note(extractor, before[extractor], now[extractor]))]
    if not differ(compared):
        return "\n".join([*(f"{head}: all numbers are equal." for head in heads.values()), *notes])
    tables = [f"{heads[extractor]}: {render(rows, colour)}" for extractor, rows in compared.items()]
    return "\n\n".join([*tables, *notes, FOOT])


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
    """Judge a change, given both standard errors. Return the word, and the reason if there is none."""
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
    """Return the sample sizes that a number depends on. At the floor's size this is the smaller of both."""
    measure = MEASURES.get(key) or _OF_REAL.get(key)
    if measure is None or not measure.sized:
        return []
    drawn, held = numbers.get("samples"), numbers.get("holdout")
    if measure.real and isinstance(drawn, int) and isinstance(held, int):
        drawn = min(drawn, held)
    return [drawn, numbers.get("real")]


def _table(rows: list[Change], colour: bool) -> list[str]:
    """Return a header line and an aligned line for each row."""
    headers = ("", "before", "", "now", "", "change", "", "")
    align = ("left", "right", "left", "right", "left", "right", "left", "left")
    lines = [(*parts, _painted(text, row.word, colour)) for row in rows for *parts, text in [cells(row)]]
    table = tabulate(lines, headers, "plain", colalign=align, disable_numparse=True)
    return [line.rstrip() for line in table.splitlines()]


def _painted(text: str, word: Word, colour: bool) -> str:
    """Colour the word at the start of `text`, if colour is wanted and the word is good or bad news."""
    return f"\033[{_COLOURS[word]}m{word}\033[0m{text[len(word) :]}" if colour and word in _COLOURS else text
