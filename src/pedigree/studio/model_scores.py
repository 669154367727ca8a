"""The scores of two generators side by side."""

from typing import Any

from pedigree.common.measures import MEASURES
from pedigree.errors import PedigreeError
from pedigree.results.comparison import cells, compare_each, split
from pedigree.results.metrics_file import Scores, judge_name, read, read_at
from pedigree.results.revisions import known_commit
from pedigree.studio.models import Models


def compared(models: Models, one: str, other: str) -> dict[str, Any]:
    """Compare the scores of two of `models`, by their ids, as the API answers it.

    The verdicts are those of `other` against `one`.
    """
    try:
        before, now = _scores(models, one), _scores(models, other)
    except PedigreeError as error:
        return {"available": False, "why": str(error)}
    rows = [
        {
            "title": title,
            "judge": judge_name(extractor, now[extractor]),
            "one": f"{old} {old_error}".strip(),
            "other": f"{new} {new_error}".strip(),
            "verdict": change.word,
        }
        for extractor, changes in compare_each(before, now).items()
        for change in split(changes)[0]
        for title, old, old_error, new, new_error, *_ in [cells(change)]
        if change.key in MEASURES or change.key == "memorization_verdict"
    ]
    if not rows:
        return {"available": False, "why": "No judge has scored both, so their numbers cannot be compared."}
    return {"available": True, "rows": rows}


def _scores(models: Models, name: str) -> Scores:
    if revision := models.revision(name):
        return read_at(known_commit(revision), revision)
    if models.is_of_project(name):
        return read()
    raise PedigreeError(f"There are no scores of {name} here: only generators of this project have them.")
