"""The champions of a project: the generators that nightly retraining has used, newest first.

Each has a git tag `champion-DATE-TIME`, which `flows/champion.py` makes. The tag `champion` is at the one in use.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from pedigree.common import json_text
from pedigree.common.measures import MEASURES
from pedigree.common.paths import PARAMS, VALIDATION
from pedigree.errors import PedigreeError
from pedigree.results.comparison import written
from pedigree.results.metrics_file import ERRORS, Numbers, read_at
from pedigree.results.revisions import TaggedCommit, commit_of, content_of, tagged
from pedigree.settings import params

TAG = "champion"


@dataclass(frozen=True)
class Champion:
    """A champion.

    Attributes:
        tag: its git tag.
        date: when it was promoted, in ISO 8601.
        who: the author of its commit: the git user of the checkout that ran the retraining.
        how: the first line of the commit's message.
        current: whether it is the one in use.
        photos: the number of usable photos, None if not known.
        breeds: the number of breeds, None if not known.
        judge: the network that scored it, empty if it has no scores.
        numbers: what that judge has written into metrics.json.
    """

    tag: str
    date: str
    who: str
    how: str
    current: bool
    photos: int | None
    breeds: int | None
    judge: str
    numbers: Numbers


def listed(root: Path) -> list[Champion]:
    """Return the champions of the project at `root`, newest first.

    Raises:
        PedigreeError: git is not installed.
    """
    current = commit_of(TAG, root)
    return [_champion(root, tag, tag.commit == current) for tag in tagged(f"{TAG}-*", root)]


def as_json(champions: list[Champion]) -> str:
    """Return them as a JSON list of objects with the attributes of `Champion`."""
    return json.dumps([asdict(champion) for champion in champions], indent=1, ensure_ascii=False)


def as_text(champions: list[Champion]) -> str:
    """Return them as a table, with the numbers that the gate compares."""
    if not champions:
        return "There is no champion yet: flows/retrain.py makes one."
    keys = [key for key in params.load(params.Gate, PARAMS).no_worse if key in MEASURES]
    titles = [MEASURES[key].title for key in keys]
    rows = [
        (
            "*" if champion.current else "",
            champion.tag,
            champion.who,
            "" if champion.photos is None else champion.photos,
            "" if champion.breeds is None else champion.breeds,
            *(_number(champion.numbers, key) for key in keys),
            champion.judge,
            champion.how,
        )
        for champion in champions
    ]
    headers = ("", "champion", "by", "photos", "breeds", *titles, "judge", "how")
    foot = "* in use. To compare two: pedigree score --against TAG, or dvc metrics diff TAG TAG."
    return f"{tabulate(rows, headers, 'plain', disable_numparse=True)}\n\n{foot}"


def _champion(root: Path, tag: TaggedCommit, current: bool) -> Champion:
    judge, validation = "", None
    numbers: Numbers = {}
    with suppress(PedigreeError):
        judge, numbers = next(iter(read_at(tag.commit, tag.name, root).items()))
    with suppress(ValueError):
        validation = json_text.parse(content_of(tag.commit, VALIDATION, root) or "{}")
    photos, breeds = (_count(validation, key) for key in ("usable", "breeds"))
    return Champion(tag.name, tag.date, tag.author, tag.subject, current, photos, breeds, judge, numbers)


def _count(facts: Any, key: str) -> int | None:
    count = facts.get(key) if isinstance(facts, dict) else None
    return count if isinstance(count, int) else None


def _number(numbers: Numbers, key: str) -> str:
    return " ".join(written(numbers.get(key), numbers.get(ERRORS, {}).get(key))).strip()
