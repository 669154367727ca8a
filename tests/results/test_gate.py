"""The gate: a candidate passes if no required number is worse than chance allows; otherwise the gate says why not."""

import copy
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from pedigree.common.paths import BREED_SCORES, METRICS, PARAMS
from pedigree.errors import PedigreeError
from pedigree.results import gate
from pedigree.results.metrics_file import read
from pedigree.results.seed_spread import SPREAD, SeedSpread, recipe_hash
from pedigree.settings import params
from pedigree.settings.overrides import override

SCORES = read(ROOT / METRICS)
EXTRACTOR = next(iter(SCORES))
SETTINGS = params.Gate(
    no_worse=["kernel_distance", "frechet_distance", "coverage", "breed_accuracy"],
    slack=0.1,
    new_collapses=0,
    require=["memorization_verdict == fine"],
)


def scores(**changes: Any) -> Any:
    """Return the project's scores with some numbers changed."""
    changed = copy.deepcopy(SCORES)
    changed[EXTRACTOR] |= changes
    return changed


def test_the_same_scores_pass() -> None:
    verdict = gate.judge(SETTINGS, SCORES, SCORES)
    assert (verdict.passed, verdict.reasons, verdict.notes) == (True, (), ())
    assert [row["verdict"] for row in verdict.rows] == ["same"] * 4


@pytest.mark.parametrize(("key", "worse"), [("kernel_distance", 1), ("frechet_distance", 1), ("breed_accuracy", -1)])
def test_a_number_may_be_worse_by_chance_and_slack_and_no_more(key: str, worse: int) -> None:
    numbers = SCORES[EXTRACTOR]
    allowed = 1.96 * 2**0.5 * numbers["standard_error"][key] + SETTINGS.slack * numbers[key]
    within = gate.judge(SETTINGS, scores(**{key: numbers[key] + worse * 0.99 * allowed}), SCORES)
    beyond = gate.judge(SETTINGS, scores(**{key: numbers[key] + worse * 1.01 * allowed}), SCORES)
    better = gate.judge(SETTINGS, scores(**{key: numbers[key] - worse * 0.9 * numbers[key]}), SCORES)
    assert (within.passed, beyond.passed, better.passed) == (True, False, True)
    assert len(beyond.reasons) == 1
    assert "that may be chance" in beyond.reasons[0]


def test_a_known_spread_between_seeds_replaces_the_slack() -> None:
    numbers = SCORES[EXTRACTOR]
    accuracy, error = numbers["breed_accuracy"], numbers["standard_error"]["breed_accuracy"]
    values = [accuracy, accuracy - 0.2, accuracy - 0.1]  # their standard deviation is 0.1
    wide = SeedSpread("", [0, 1, 2], {EXTRACTOR: {"breed_accuracy": values}})
    narrow = SeedSpread("", [0, 1, 2], {EXTRACTOR: {"breed_accuracy": [accuracy] * 3}})
    for spread, allowed in ((wide, 4.303 * 0.1 * 2**0.5), (narrow, 1.96 * 2**0.5 * error)):
        assert gate.judge(SETTINGS, scores(breed_accuracy=accuracy - 0.99 * allowed), SCORES, spread=spread).passed
        assert not gate.judge(SETTINGS, scores(breed_accuracy=accuracy - 1.01 * allowed), SCORES, spread=spread).passed
    assert {row["number"]: row["may be worse by"] for row in gate.judge(SETTINGS, SCORES, SCORES, spread=wide).rows}[
        "Breed accuracy"
    ] == "0.61"


def test_the_spread_must_be_of_the_champions_parameters(tmp_path: Path) -> None:
    roots = [tmp_path / name for name in ("champion", "candidate")]
    for root in roots:
        (root / "reports").mkdir(parents=True)
        for name in (PARAMS, METRICS, BREED_SCORES):
            shutil.copy(ROOT / name, root / name)
    (note,) = gate.between(*roots).notes
    assert "there is no reports/spread.json" in note
    values = {EXTRACTOR: {"coverage": [0.1, 0.2]}}
    spread = SeedSpread(recipe_hash(roots[0] / PARAMS), [0, 1], values)
    (roots[1] / SPREAD).write_text(json.dumps(asdict(spread)))
    assert gate.between(*roots).notes == ()
    override({"train.seed": 9, "gate.slack": 0.2}, roots[0] / PARAMS)
    assert gate.between(*roots).notes == ()
    override({"train.steps": 9}, roots[0] / PARAMS)
    (note,) = gate.between(*roots).notes
    assert "reports/spread.json is of other parameters" in note
    (roots[0] / SPREAD).write_text('{"recipe": "a", "seeds": [0], "scores": {"a": {"b": [1]}}}')
    with pytest.raises(PedigreeError, match="not a file that `pedigree spread` writes"):
        gate.between(*roots)


def test_labels_that_mean_nothing_do_not_pass() -> None:
    verdict = gate.judge(SETTINGS, scores(breed_accuracy=0.12), SCORES)
    assert [reason.split(" went")[0] for reason in verdict.reasons] == ["Breed accuracy"]


def test_without_a_comparison_the_rows_show_the_candidates_own_numbers() -> None:
    other = {"another-network": SCORES[EXTRACTOR]}
    for champion in (None, other):
        rows = gate.judge(SETTINGS, SCORES, champion).rows
        compared = gate.judge(SETTINGS, SCORES, SCORES).rows
        assert [row["candidate"] for row in rows] == [row["candidate"] for row in compared]
        assert {(row["champion"], row["verdict"]) for row in rows} == {("", "not compared")}


def test_what_is_required_is_required_with_and_without_a_champion() -> None:
    copies = scores(memorization_verdict="copies")
    for champion in (None, SCORES):
        (reason,) = gate.judge(SETTINGS, copies, champion).reasons
        assert reason == "memorization_verdict is copies, required == fine (gate.require)"
    assert gate.judge(SETTINGS, SCORES, None).passed


def test_numbers_at_other_sample_sizes_are_noted_and_the_rest_is_compared() -> None:
    verdict = gate.judge(SETTINGS, scores(real=900, frechet_distance=10**6), SCORES)
    assert verdict.passed
    assert verdict.notes == tuple(
        f"{title} was not compared: other sample sizes." for title in ("Fréchet distance", "Coverage")
    )
    assert not gate.judge(SETTINGS, scores(real=900, kernel_distance=1.0), SCORES).passed


def test_where_nothing_compares_nothing_passes() -> None:
    sized = params.Gate(no_worse=["coverage"], slack=0.1, new_collapses=0, require=[])
    (reason,) = gate.judge(sized, scores(real=900), SCORES).reasons
    assert "none of gate.no_worse could be compared" in reason
    (reason,) = gate.judge(SETTINGS, {"inception-2015": SCORES[EXTRACTOR]}, SCORES).reasons
    assert reason == f"scored with inception-2015, but the champion with {', '.join(SCORES)}: not comparable"


def test_a_judge_that_trained_one_of_the_generators_cannot_compare_them() -> None:
    biased = scores(bias="trained the generator")
    for candidate, champion, trained in ((biased, SCORES, "new"), (SCORES, biased, "earlier")):
        (reason,) = gate.judge(SETTINGS, candidate, champion).reasons
        assert reason.startswith(f"not comparable: {EXTRACTOR} trained the {trained} generator")
        assert "Set score.extractor to a network that trained neither" in reason


def test_a_judge_that_trained_every_generator_compares_them_with_a_note() -> None:
    biased = scores(bias="trained the generator")
    both, alone = gate.judge(SETTINGS, biased, biased), gate.judge(SETTINGS, biased, None)
    assert (both.passed, both.notes) == (True, (f"{EXTRACTOR} trained both generators, so their numbers are biased.",))
    assert alone.passed
    assert alone.notes[-1] == f"{EXTRACTOR} trained the new generator, so the new numbers are biased."


def test_a_number_that_can_no_longer_be_measured_does_not_pass() -> None:
    (reason,) = gate.judge(SETTINGS, scores(kernel_distance=None), SCORES).reasons
    assert reason.startswith("Kernel distance could not be measured")


def test_breeds_newly_collapsed_are_named_up_to_the_number_allowed(tmp_path: Path) -> None:
    table = (ROOT / "reports/breeds.csv").read_text()
    (tmp_path / "breeds.csv").write_text(table.replace(",False,", ",True,", 2))
    fallen = gate.collapsed(tmp_path / "breeds.csv")
    assert len(fallen) == 2
    assert gate.collapsed(ROOT / "reports/breeds.csv") == set()
    (reason,) = gate.judge(SETTINGS, SCORES, SCORES, fallen).reasons
    assert reason == f"newly collapsed: {', '.join(sorted(fallen))}"
    two = params.Gate(no_worse=[], slack=0.1, new_collapses=2, require=[])
    assert gate.judge(two, SCORES, SCORES, fallen).passed
