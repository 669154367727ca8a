"""How much the scores of a recipe vary between seeds: `pedigree spread` measures it and writes `reports/spread.json`.

Two trainings with different seeds give different scores, although neither recipe is better. The ± of a score does not
include that: it only says how much the score of one generator varies with the pictures that are drawn.
"""

import hashlib
import json
import math
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from pedigree.common import json_text
from pedigree.common.files import write_text
from pedigree.common.measures import MEASURES
from pedigree.common.paths import METRICS, PARAMS, REPORTS, RUNS
from pedigree.errors import PedigreeError
from pedigree.results import metrics_file
from pedigree.results.comparison import written
from pedigree.results.metrics_file import Scores
from pedigree.settings import params

SPREAD = REPORTS / "spread.json"
FOLDER = RUNS / "spread"  # the generators and reports of the other seeds, until all are scored

# The 97.5 % quantiles of Student's t distribution, for 1, 2, 3 … degrees of freedom: few runs measure a spread roughly.
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)

Run = Callable[[int, Path], None]  # trains and scores with a seed; writes its reports into a folder


@dataclass(frozen=True)
class SeedSpread:
    """The scores of trainings that differ only in their seed.

    Attributes:
        recipe: a hash of the parameters that decide the scores, except the seed of the training.
        seeds: the seeds of the trainings.
        scores: for each judge and each number of metrics.json, one value for each seed.
    """

    recipe: str
    seeds: Sequence[int]
    scores: Mapping[str, Mapping[str, Sequence[float]]]

    def allowed(self, judge: str, key: str) -> float | None:
        """Return how much a number of two trainings may differ by chance: half the 95 % interval of the difference.

        This is t·s·√2, with the standard deviation s of the number between seeds and Student's t for their count. None
        if the number was not measured.
        """
        values = self.scores.get(judge, {}).get(key)
        return None if values is None else _student(len(values) - 1) * statistics.stdev(values) * math.sqrt(2)


def read(path: Path) -> SeedSpread | None:
    """Read a `spread.json`; return None if there is none.

    Raises:
        PedigreeError: it has another structure.
    """
    with suppress(FileNotFoundError):
        try:
            spread = SeedSpread(**json_text.parse(path.read_bytes()))
            for values in (values for numbers in spread.scores.values() for values in numbers.values()):
                statistics.stdev(values)
        except (TypeError, ValueError, AttributeError):
            raise PedigreeError(f"{path} is not a file that `pedigree spread` writes: remove it.") from None
        return spread
    return None


def recipe_hash(file: Path) -> str:
    """Return a hash of the parameters in `file` that decide how a generator is trained and scored.

    The seed of the training, what `score` requires, and which photos there are do not count.
    """
    sections = params.read(file)
    parts = {name: dict(sections.get(name) or {}) for name in ("crop", "train", "score")}
    parts["train"].pop("seed", None)
    parts["score"].pop("require", None)
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def of_champion(champion: Path, candidate: Path) -> tuple[SeedSpread | None, str]:
    """Return the spread of the champion's recipe, from either project, or None and the reason."""
    recipe = recipe_hash(champion / PARAMS)
    found = [spread for root in (champion, candidate) if (spread := read(root / SPREAD))]
    fitting = next((spread for spread in found if spread.recipe == recipe), None)
    reason = f"{SPREAD} is of other parameters" if found else f"there is no {SPREAD}"
    return fitting, "" if fitting else f"{reason}, so gate.slack allows for other seeds. `pedigree spread` measures it."


def measure(count: int, run: Run) -> str:
    """Train and score with `count` further seeds, write `reports/spread.json`, and return a table.

    The project's own scores are those of the first seed. An interrupted measurement continues where it was.

    Raises:
        PedigreeError: the project has no scores, or they are not those of its parameters, code and data.
    """
    own, seed = metrics_file.read(METRICS), params.load(params.Train).seed
    _check_up_to_date()
    seeds = [seed, *[other for other in range(count + 1) if other != seed][:count]]
    state = FOLDER / hashlib.sha256(METRICS.read_bytes() + recipe_hash(PARAMS).encode()).hexdigest()[:8]
    for other in FOLDER.glob("*"):
        if other != state:
            shutil.rmtree(other)
    scores = [own, *_others(seeds[1:], state, run)]
    spread = SeedSpread(recipe_hash(PARAMS), seeds, _columns(scores))
    write_text(SPREAD, json.dumps(asdict(spread), indent=2) + "\n")
    shutil.rmtree(state)
    return _table(spread, own)


def _check_up_to_date() -> None:
    status = [sys.executable, "-m", "dvc", "status", "--quiet", "train", "score"]
    if subprocess.run(status, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:  # noqa: S603
        raise PedigreeError(
            f"{METRICS} is not of the parameters, code and data as they are now: run `dvc repro` first."
        )


def _others(seeds: Sequence[int], state: Path, run: Run) -> Iterator[Scores]:
    for number, seed in enumerate(seeds, 1):
        reports = state / f"seed-{seed}"
        if not (reports / METRICS.name).is_file():
            print(f"Seed {seed}, {number} of {len(seeds)}: training and scoring.", flush=True)
            run(seed, reports)
        yield metrics_file.read(reports / METRICS.name)


def _columns(scores: Sequence[Scores]) -> dict[str, dict[str, list[float]]]:
    """Return the values of each number that is better or worse and that all trainings have, by judge."""
    columns: dict[str, dict[str, list[float]]] = {}
    for judge in scores[0]:
        for key, measure_of in MEASURES.items():
            values: list[Any] = [one.get(judge, {}).get(key) for one in scores]
            if measure_of.better and all(isinstance(value, int | float) for value in values):
                columns.setdefault(judge, {})[key] = values
    return columns


def _table(spread: SeedSpread, own: Scores) -> str:
    rows = [
        (
            judge,
            MEASURES[key].title,
            " ".join(f"{value:.4g}" for value in values),
            written(own[judge][key], own[judge].get(metrics_file.ERRORS, {}).get(key))[1],
            f"{spread.allowed(judge, key):.2g}",
        )
        for judge, numbers in spread.scores.items()
        for key, values in numbers.items()
    ]
    seeds = ", ".join(map(str, spread.seeds))
    headers = ("judge", "number", f"with seeds {seeds}", "± of one", "chance between two")
    return "\n".join(
        [
            tabulate(rows, headers, "plain", disable_numparse=True),
            "",
            "A difference between two trainings may be chance if it is smaller than the last column.",
            f"The gate of retrain uses {SPREAD} in place of gate.slack, after you commit it.",
        ]
    )


def _student(freedom: int) -> float:
    return _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else _STUDENT[-1]
