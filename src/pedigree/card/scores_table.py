"""The scores of a card, by every judge, each with its interval and what held-out photos reach.

A judge that trained the generator is biased. Its number is only shown beside the same number of a judge that did not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pedigree.card.markdown import plain
from pedigree.common.measures import COPIES, INCEPTION_NAMES, MEASURES, NO_COPIES
from pedigree.metrics.estimate import Estimate
from pedigree.pages.wording import of_100
from pedigree.results.metrics_file import ERRORS, Numbers, Scores, judge_name
from pedigree.score.page.by_judges import SHOWN
from pedigree.score.page.figures import figure, finite, interval

VERDICT, SUSPECTS = "memorization_verdict", "memorization_suspects"
_SHOWN = (*INCEPTION_NAMES, *SHOWN, "intra_breed_diversity")
_MEANING: dict[str, str] = {
    NO_COPIES: "It finds no sign of copies. This says nothing about quality.",
    COPIES: "Too often, or on average, the pictures are nearer to training photos than held-out photos are.",
}


@dataclass(frozen=True)
class Score:
    """A number by a judge, and the same number of held-out photos; that is empty if it is not known."""

    key: str
    title: str
    judge: str
    value: str
    photos: str


def read_scores(by_judge: Scores) -> list[Score]:
    """Return the most important numbers, in order, by judge. FID, KID and MiFID are names for Inception-2015 alone."""
    return [
        Score(
            key,
            MEASURES[key].title.replace("MIFID", "MiFID"),
            judge_name(judge, numbers),
            value,
            _text(numbers, real),
        )
        for key in _SHOWN
        for judge, numbers in shown(by_judge, key).items()
        for real in [MEASURES[key].real or ""]
        if (value := _text(numbers, key))
        and not ("kid" in numbers and key == INCEPTION_NAMES["kid"])  # the same number, under its other name
    ]


def shown(by_judge: Scores, key: str) -> Scores:
    """Return the judges that have a number `key`; none if all of them trained the generator."""
    having = {judge: numbers for judge, numbers in by_judge.items() if numbers.get(key) is not None}
    return having if any(judge_name(judge, numbers) == judge for judge, numbers in having.items()) else {}


def table(scores: list[Score]) -> list[list[str]]:
    """Return the rows of a table, the head first: one column per judge."""
    judges = list(dict.fromkeys(score.judge for score in scores))
    if not scores:
        return []
    cells = {(score.title, score.judge): _cell(score) for score in scores}
    titles = dict.fromkeys(score.title for score in scores)
    rows = ([title, *(cells.get((title, judge), "–") for judge in judges)] for title in titles)
    return [["number, by", *judges], *rows]


def scored(by_judge: Scores) -> str:
    """Return how many pictures and crops were compared, as a sentence; empty if the file does not say."""
    numbers = next(iter(by_judge.values()))
    sizes = [numbers.get(key) for key in ("samples", "real", "holdout")]
    if not all(isinstance(size, int) for size in sizes):
        return ""
    return "Compared: {:,} pictures, {:,} training crops and {:,} held-out crops.".format(*sizes)


def verdicts(by_judge: Scores) -> Iterator[str]:
    """Yield a sentence on copies for each judge."""
    trusted = shown(by_judge, VERDICT)
    if not trusted:
        yield "No judge that did not train the generator gives a verdict: name one in `score.other_judges`."
        return
    for judge, numbers in by_judge.items():
        name = plain(judge_name(judge, numbers))
        if judge not in trusted:
            yield f"{name}: no verdict."
            continue
        verdict, share = str(numbers[VERDICT]), finite(numbers.get(SUSPECTS))
        suspects = "" if share is None else f" Suspected copies: {of_100(share)} pictures; of held-out photos 1 of 100."
        yield f"{name}: {plain(verdict)}. {_MEANING.get(verdict, '')}{suspects}"


def with_errors(numbers: Numbers) -> dict[str, float | str | None]:
    """Return the numbers of a judge as `Estimate` where their standard error is known."""
    errors = numbers.get(ERRORS, {})
    return {
        name: value if errors.get(name) is None or finite(value) is None else Estimate(value, errors[name])
        for name, value in numbers.items()
        if name != ERRORS
    }


def _text(numbers: Numbers, key: str) -> str:
    number = finite(with_errors(numbers).get(key))
    return "" if number is None else f"{figure(number)} {interval(number)}".rstrip()


def _cell(score: Score) -> str:
    return f"{score.value} (photos {score.photos})" if score.photos else score.value
