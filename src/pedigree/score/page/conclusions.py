"""Answers in words to the page's questions about the generator."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from pedigree.common.measures import COPIES, MEASURES, NO_COPIES
from pedigree.pages.wording import breed_name, capitalized, count, listed, of_100
from pedigree.score.evaluation import Evaluation, Metrics
from pedigree.score.page import breed_table, readings
from pedigree.score.page.figures import finite

State = Literal["bad", "watch", "fine"]
WORDS: dict[State, str] = {"bad": "poor", "watch": "fair", "fine": "fine"}
FINE, WATCH, NOTHING = 0.8, 0.4, 0.05  # of the distance from a useless generator to real photos


@dataclass(frozen=True)
class Conclusion:
    """The answer to one of the page's questions."""

    state: State
    clause: str  # a few words, for the headline
    answer: str  # complete sentences
    disputed: dict[str, str] = field(default_factory=dict)  # if judges disagree, the clause of each, the worst first

    @property
    def word(self) -> str:
        """The state as shown on the page."""
        return WORDS[self.state]


def find(judges: dict[str, Evaluation], breeds: tuple[str, ...]) -> dict[str, Conclusion]:
    """Return the conclusions by the name of their group of measures, without those whose numbers are missing.

    If the answers of the judges differ, the conclusion has the worst of their states, because a judge that finds no
    difference from photos may not be able to see it. It then names each judge with its answer, the worst first.

    Args:
        judges: the results by judge.
        breeds: folder names, in the order of the labels.
    """
    each = {judge: _answers(evaluation, breeds) for judge, evaluation in judges.items()}
    names = dict.fromkeys(name for answers in each.values() for name in answers)
    return {name: _joined({judge: one[name] for judge, one in each.items() if name in one}) for name in names}


def _joined(by_judge: dict[str, Conclusion]) -> Conclusion:
    ranked = sorted(by_judge.items(), key=lambda one: list(WORDS).index(one[1].state))
    if ranked[0][1].state == ranked[-1][1].state:
        return ranked[0][1]
    worst, disputed = ranked[0][1], {judge: one.clause for judge, one in ranked}
    answers = " ".join(f"By {judge}: {one.answer}" for judge, one in ranked)
    advice = "The judges disagree: look at the pictures below."
    return Conclusion(worst.state, worst.clause, f"{answers} {advice}", disputed)


def _answers(evaluation: Evaluation, breeds: tuple[str, ...]) -> dict[str, Conclusion]:
    """Return the conclusions from the results of one judge."""
    rows = readings.read(evaluation.numbers)
    ways = {key: row.way for key, row in rows.items() if row.way is not None}
    unlike = min(ways.get("precision", 1.0), ways.get("density", 1.0)) < NOTHING
    finders: dict[str, Callable[[], Conclusion | None]] = {
        "real": lambda: _real(evaluation, ways),
        "breed": lambda: _breed(evaluation, ways),
        "variety": lambda: _variety(evaluation, ways, breeds),
        "copying": lambda: _copying(evaluation, unlike),
    }
    conclusions = {name: finder() for name, finder in finders.items()}
    return {name: conclusion for name, conclusion in conclusions.items() if conclusion}


def headline(conclusions: dict[str, Conclusion]) -> tuple[str, str]:
    """Join the conclusions into two sentences: the problems, the worst first, and what is fine, if anything."""
    if not conclusions:
        return "There are no numbers about this generator.", ""
    ranked = sorted(conclusions.values(), key=lambda conclusion: list(WORDS).index(conclusion.state))
    problems = _sentence(_problems([conclusion for conclusion in ranked if conclusion.state != "fine"]))
    fine = _sentence([conclusion.clause for conclusion in ranked if conclusion.state == "fine"])
    return problems or "These numbers show no problem.", fine


def _problems(conclusions: list[Conclusion]) -> list[str]:
    """Return the clauses, with one for all that judges disagree about, so that it names each judge once."""
    disputed = [conclusion for conclusion in conclusions if conclusion.disputed]
    agreed = [conclusion for conclusion in conclusions if conclusion not in disputed[1:]]
    return [_by_judge(disputed) if conclusion.disputed else conclusion.clause for conclusion in agreed]


def _by_judge(disputed: list[Conclusion]) -> str:
    judges = list(dict.fromkeys(judge for conclusion in disputed for judge in conclusion.disputed))
    answers = [[one.disputed[judge] for one in disputed if judge in one.disputed] for judge in judges]
    *worse, best = (f"by {judge} {_and(clauses)}" for judge, clauses in zip(judges, answers, strict=True))
    return f"{', '.join(worse)}, but {best}"


def _and(clauses: list[str]) -> str:
    """Join clauses; one with the subject of the clause before it goes without."""
    subject = "the pictures "
    rest = [two.removeprefix(subject) if one.startswith(subject) else two for one, two in pairwise(clauses)]
    return " and ".join([clauses[0], *rest])


def _sentence(clauses: list[str]) -> str:
    return f"{capitalized('; '.join(clauses))}." if clauses else ""


def _state(way: float) -> State:
    return "fine" if way >= FINE else "watch" if way >= WATCH else "bad"


def _real(evaluation: Evaluation, ways: dict[str, float]) -> Conclusion | None:
    numbers = evaluation.numbers
    share, real = finite(numbers.get("precision")), finite(numbers.get("precision_holdout"))
    if share is None or real is None or "precision" not in ways:
        return None
    answer = f"{of_100(share)} pictures lie among real photos. For held-out photos it is {of_100(real)}."
    state = _state(ways["precision"])
    if ways["precision"] < NOTHING and ways.get("breed_accuracy", 0.0) < NOTHING:
        return Conclusion("bad", "the pictures are nothing like real photos", answer)
    clauses: dict[State, str] = {
        "bad": f"only {of_100(share)} pictures look real" if share else "no picture looks real",
        "watch": f"{of_100(share)} pictures look real",
        "fine": "the pictures look real",
    }
    return Conclusion(state, clauses[state], answer)


def _breed(evaluation: Evaluation, ways: dict[str, float]) -> Conclusion | None:
    numbers = evaluation.numbers
    share, real = finite(numbers.get("breed_accuracy")), finite(numbers.get("breed_accuracy_holdout"))
    chance = finite(numbers.get("breed_accuracy_chance"))
    if share is None or real is None or chance is None or "breed_accuracy" not in ways:
        return None
    answer = (
        f"{of_100(share)} pictures are recognised as the requested breed. For held-out photos it is {of_100(real)}."
    )
    state = _state(ways["breed_accuracy"])
    if ways["breed_accuracy"] < NOTHING:
        return Conclusion(
            "bad", "the requested breed is ignored", f"{answer} A generator that ignores it gets {of_100(chance)}."
        )
    only = "only " if state == "bad" else ""
    return Conclusion(state, f"{only}{of_100(share)} are of the requested breed", answer)


def _variety(evaluation: Evaluation, ways: dict[str, float], breeds: tuple[str, ...]) -> Conclusion | None:
    collapsed = breed_table.collapsed(evaluation.table)
    key = next((key for key in ("coverage_at_floor_size", "intra_breed_diversity") if key in ways), None)
    answer = "" if key is None else _drawn(key, evaluation.numbers)
    if collapsed:
        names = listed([breed_name(name) for name in collapsed], most=6)
        clause = f"{names} {'has' if len(collapsed) == 1 else 'have'} collapsed"
        if len(collapsed) > 2:
            every = "all" if len(collapsed) == len(breeds) else f"{len(collapsed)} of"
            clause = f"{every} {len(breeds)} breeds have collapsed"
        return Conclusion(
            "bad", clause, f"Collapsed: {names}. Their pictures are clearly too similar. {answer}".strip()
        )
    if key is None:
        return None
    state = _state(ways[key])
    clauses: dict[State, str] = {
        "bad": "the pictures have little of the variety of photos",
        "watch": "the pictures have only part of the variety of photos",
        "fine": "the pictures are as varied as real photos",
    }
    none = " No breed has collapsed." if "collapsed" in evaluation.table else ""
    return Conclusion(state, clauses[state], answer + none)


def _drawn(key: str, numbers: Metrics) -> str:
    value, real = (finite(numbers.get(name or "")) or 0.0 for name in (key, MEASURES[key].real))
    if key.startswith("coverage"):
        near = f"{of_100(value)} training crops have a generated picture nearby."
        return f"{near} For held-out photos it is {of_100(real)}."
    return f"Within a breed, the pictures vary {value / real:.2f} times as much as real photos."


def _twins(numbers: Metrics) -> str:
    """Say how many held-out crops are near-duplicates of training crops; empty if that is not known."""
    share, held = finite(numbers.get("holdout_twins")), finite(numbers.get("holdout"))
    if share is None or held is None:
        return ""
    if share == 0:
        return " No held-out photo is a near-duplicate of a training photo."
    twins = f"{count(round(share * held))} of {count(round(held))} held-out photos"
    return f" {twins} are near-duplicates of training photos, which makes copies look normal."


def _copying(evaluation: Evaluation, unlike: bool) -> Conclusion | None:
    verdict = evaluation.numbers.get("memorization_verdict")
    below = int((evaluation.nearness < evaluation.suspicious).sum())
    few = f"{count(below)} of {count(len(evaluation.nearness))} are suspiciously near to a training photo."
    few += _twins(evaluation.numbers)
    if verdict == COPIES:
        nearer = "On average, or too often, the pictures are nearer to a training photo than held-out photos are. "
        return Conclusion("bad", "training photos are copied", nearer + few)
    if verdict == NO_COPIES:
        answer = f"The pictures are no nearer to the training photos than held-out photos are. {capitalized(few)}"
        far = (
            " This means little here, because pictures that are unlike photos are far from all of them."
            if unlike
            else ""
        )
        clause = "no sign of copying" + (", but that means little for pictures unlike photos" if unlike else "")
        return Conclusion("fine", clause, answer + far)
    return None
