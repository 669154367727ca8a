"""What is the matter with a generator, in words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pedigree.common.measures import COPIES, MEASURES, NO_COPIES
from pedigree.score.evaluation import Evaluation, Metrics
from pedigree.score.page import breed_table
from pedigree.score.page.readings import Reading
from pedigree.score.page.wording import breed_name, capitalized, count, finite, listed, of_100

State = Literal["bad", "watch", "fine"]
WORDS: dict[State, str] = {"bad": "wrong", "watch": "not there yet", "fine": "fine"}
FINE, WATCH, NOTHING = 0.8, 0.4, 0.05  # of the way from a useless generator to real photos


@dataclass(frozen=True)
class Conclusion:
    """The answer to one of the page's questions."""

    state: State
    clause: str  # a few words, for the headline
    answer: str  # whole sentences

    @property
    def word(self) -> str:
        """The state as a person reads it."""
        return WORDS[self.state]


def find(evaluation: Evaluation, readings: dict[str, Reading], breeds: tuple[str, ...]) -> dict[str, Conclusion]:
    """Return the conclusions by the name of their group of measures; none where the numbers for it are missing."""
    ways = {key: reading.way for key, reading in readings.items() if reading.way is not None}
    unlike = min(ways.get("precision", 1.0), ways.get("density", 1.0)) < NOTHING
    finders: dict[str, Callable[[], Conclusion | None]] = {
        "real": lambda: _real(evaluation, ways),
        "breed": lambda: _breed(evaluation, ways),
        "variety": lambda: _variety(evaluation, ways, breeds),
        "copying": lambda: _copying(evaluation, unlike),
    }
    found = {name: finder() for name, finder in finders.items()}
    return {name: finding for name, finding in found.items() if finding}


def headline(conclusions: dict[str, Conclusion]) -> tuple[str, str]:
    """Join the conclusions into two sentences: what is the matter, the worst first, and what is fine, if anything."""
    if not conclusions:
        return "There are no numbers to tell this generator by.", ""
    ranked = sorted(conclusions.values(), key=lambda conclusion: list(WORDS).index(conclusion.state))
    matter = _sentence([finding.clause for finding in ranked if finding.state != "fine"])
    fine = _sentence([finding.clause for finding in ranked if finding.state == "fine"])
    return matter or "Nothing is the matter that these numbers can see.", fine


def _sentence(clauses: list[str]) -> str:
    return f"{capitalized('; '.join(clauses))}." if clauses else ""


def _state(way: float) -> State:
    return "fine" if way >= FINE else "watch" if way >= WATCH else "bad"


def _real(evaluation: Evaluation, ways: dict[str, float]) -> Conclusion | None:
    numbers = evaluation.numbers
    share, real = finite(numbers.get("precision")), finite(numbers.get("precision_holdout"))
    if share is None or real is None or "precision" not in ways:
        return None
    answer = f"{of_100(share)} pictures lie among real photos; of held-out photos {of_100(real)} do."
    state = _state(ways["precision"])
    if ways["precision"] < NOTHING:
        return Conclusion("bad", "the pictures are nothing like real photos", answer)
    clauses = {"fine": "the pictures look real", "watch": f"{of_100(share)} pictures look real"}
    return Conclusion(state, clauses.get(state, f"only {of_100(share)} pictures look real"), answer)


def _breed(evaluation: Evaluation, ways: dict[str, float]) -> Conclusion | None:
    numbers = evaluation.numbers
    share, real = finite(numbers.get("breed_accuracy")), finite(numbers.get("breed_accuracy_holdout"))
    chance = finite(numbers.get("breed_accuracy_chance"))
    if share is None or real is None or chance is None or "breed_accuracy" not in ways:
        return None
    answer = f"{of_100(share)} pictures are taken for the breed asked for; of held-out photos {of_100(real)} are."
    state = _state(ways["breed_accuracy"])
    if ways["breed_accuracy"] < NOTHING:
        return Conclusion(
            "bad", "the breed asked for is ignored", f"{answer} Ignoring the breed gets {of_100(chance)}."
        )
    only = "only " if state == "bad" else ""
    return Conclusion(state, f"{only}{of_100(share)} are of the breed asked for", answer)


def _variety(evaluation: Evaluation, ways: dict[str, float], breeds: tuple[str, ...]) -> Conclusion | None:
    collapsed = breed_table.collapsed(evaluation.table)
    key = next((key for key in ("coverage_at_floor_size", "intra_breed_diversity") if key in ways), None)
    told = "" if key is None else _drawn(key, evaluation.numbers)
    if collapsed:
        names = listed([breed_name(name) for name in collapsed], most=6)
        clause = f"{names} {'has' if len(collapsed) == 1 else 'have'} collapsed"
        if len(collapsed) > 2:
            every = "all" if len(collapsed) == len(breeds) else f"{len(collapsed)} of"
            clause = f"{every} {len(breeds)} breeds have collapsed"
        return Conclusion(
            "bad", clause, f"Collapsed: {names}. Their pictures are clearly too much alike. {told}".strip()
        )
    if key is None:
        return None
    state = _state(ways[key])
    clauses: dict[State, str] = {
        "bad": "little of the variety of photos is drawn",
        "watch": "part of the variety of photos is missing",
        "fine": "as varied as real photos",
    }
    none = " No breed has collapsed." if "collapsed" in evaluation.table else ""
    return Conclusion(state, clauses[state], told + none)


def _drawn(key: str, numbers: Metrics) -> str:
    value, real = (finite(numbers.get(name or "")) or 0.0 for name in (key, MEASURES[key].real))
    if key.startswith("coverage"):
        return f"They come near {of_100(value)} training crops; as many held-out photos come near {of_100(real)}."
    return f"Within a breed they vary {value / real:.2f} times as much as real photos."


def _copying(evaluation: Evaluation, unlike: bool) -> Conclusion | None:
    verdict = evaluation.numbers.get("memorization_verdict")
    below = int((evaluation.nearness < evaluation.suspicious).sum())
    few = f"{count(below)} of {count(len(evaluation.nearness))} are suspiciously near to a training photo."
    if verdict == COPIES:
        nearer = "On average, or clearly too often, pictures are nearer to a training photo than held-out photos are. "
        return Conclusion("bad", "training photos are copied", nearer + few)
    if verdict == NO_COPIES:
        answer = f"The pictures are no nearer to the training photos than held-out photos are. {capitalized(few)}"
        far = " That says little here: pictures so unlike photos are far from all of them." if unlike else ""
        clause = "no sign of copying" + (", which says little of such pictures" if unlike else "")
        return Conclusion("fine", clause, answer + far)
    return None
