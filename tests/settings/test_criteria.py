"""The gate: what `score.require` may say, what it stops, and how that is message."""

import json
import operator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pedigree.common.measures import MEASURES
from pedigree.errors import PedigreeError, UsageError
from pedigree.metrics import memorization
from pedigree.metrics.estimate import Estimate
from pedigree.settings import criteria, params
from pedigree.settings.criteria import check, enforce, parse

SIGNS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
NUMBERS = {
    "samples": 1000,
    "coverage": Estimate(0.4123456, 0.03),
    "breed_accuracy": Estimate(0.1, 0.01),
    "breed_accuracy_chance": 0.126,
    "imagenet_accuracy": None,
    "kernel_distance": Estimate(-0.0004, 0.001),
    "precision": float("nan"),
    "memorization_verdict": "copies",
    "collapsed_breeds": 0,
}


def loaded(path: Path, require: object) -> params.Score:
    """Load the project's score parameters with another `require`, through a file as a person would."""
    content = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    content["score"]["require"] = require
    path.write_text(json.dumps(content))
    return params.load(params.Score, path)


@settings(deadline=None)
@given(st.floats(-10, 10), st.floats(-10, 10), st.sampled_from(sorted(SIGNS)), st.sampled_from(["", " ", "\t "]))
def test_a_line_means_what_its_sign_means(value: float, bound: float, sign: str, space: str) -> None:
    written = float(f"{value:.6g}")
    unmet = check({"coverage": value}, [f"{space}coverage{space}{sign}{space}{bound!r}{space}"])
    assert (not unmet) == getattr(operator, SIGNS[sign])(written, bound)


@pytest.mark.parametrize(
    "line",
    [
        "coverage >= 0.4",
        "coverage<.5",
        "breed_accuracy < breed_accuracy_chance",
        "collapsed_breeds == 0",
        "kernel_distance > -1e-3",
        "kernel_distance < +1E-3",
        "memorization_verdict != fine",
        "samples >= 1000",
    ],
)
def test_what_holds_passes(line: str) -> None:
    assert check(NUMBERS, [line]) == []
    enforce(NUMBERS, [line])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("coverage >= 0.5", "coverage is 0.412346 ± 0.059, required >= 0.5"),
        ("samples > 1234567", "samples is 1000, required > 1234567"),
        ("memorization_verdict == fine", "memorization_verdict is copies, required == fine"),
        (
            "breed_accuracy >= breed_accuracy_chance",
            "breed_accuracy is 0.1 ± 0.02, required >= breed_accuracy_chance, which is 0.126",
        ),
        ("imagenet_accuracy >= 0", "imagenet_accuracy is not measured, required >= 0"),
        ("imagenet_accuracy != 0", "imagenet_accuracy is not measured, required != 0"),
        ("precision != 0.5", "precision is not measured, required != 0.5"),
        ("recall > 0", "recall is not measured, required > 0"),
        ("coverage > recall", "coverage is 0.412346 ± 0.059, required > recall, which is not measured"),
    ],
)
def test_what_does_not_hold_is_told_with_its_value(line: str, message: str) -> None:
    assert check(NUMBERS, [line]) == [message]


def test_a_number_is_judged_as_it_is_written() -> None:
    assert check({"coverage": 0.49999999}, ["coverage >= 0.5"]) == []
    assert check({"coverage": 0.4999994, "recall": 0.4999996}, ["coverage >= recall"]) == [
        "coverage is 0.499999, required >= recall, which is 0.5"
    ]


def test_the_gate_tells_all_that_is_not_met_in_one_line() -> None:
    with pytest.raises(PedigreeError) as error:
        enforce(NUMBERS, ["coverage >= 0.5", "samples >= 10", "memorization_verdict == fine"])
    message = str(error.value)
    assert message.startswith("2 of 3 in score.require not met: coverage is")
    assert "; memorization_verdict is copies" in message
    assert "samples is" not in message
    assert "\n" not in message
    assert error.value.exit_code == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("coverge >= 0.5", "metrics.json has no 'coverge' (nearest: 'coverage')"),
        ("zzz >= 0.5", "metrics.json has no 'zzz'. Received"),
        ("memorisation_verdict == fine", "(nearest: 'memorization_verdict')"),
        ("breed_accuracy > breed_accuracy_chanse", "(nearest: 'breed_accuracy_chance')"),
        ("coverage >= fine", "'fine' is neither a number nor the key of a number"),
        ("coverage >= nan", "'nan' is neither"),
        ("coverage >= 1e999", "'1e999' is neither"),
        ("coverage >= 0_5", "'0_5' is neither"),
        ("coverage >= memorization_verdict", "'memorization_verdict' is neither"),
        ("memorization_verdict > fine", "memorization_verdict is a word: expected == or !="),
        ("memorization_verdict == fien", "memorization_verdict is a word: expected == or !=, and fine or copies"),
        ("coverage => 0.5", "expected a key of metrics.json, one of < <= > >= == !="),
        ("coverage = 0.5", "expected a key"),
        ("coverage >= 50%", "expected a key"),
        ("coverage >= 0.5 or so", "expected a key"),
        ("0.5 <= coverage <= 1", "expected a key"),
        ("coverage", "expected a key"),
        ("", "expected a key"),
        ("coverage >=\n", "expected a key"),
        ("coverage >= \N{ARABIC-INDIC DIGIT FIVE}", "expected a key"),
        (3, "Input should be a valid string"),
    ],
)
def test_a_wrong_line_is_told_when_parameters_load(tmp_path: Path, line: object, message: str) -> None:
    with pytest.raises(UsageError) as error:
        loaded(tmp_path / "params.yaml", ["coverage >= 0", line])
    assert "params.yaml: score.require.1: " in str(error.value)
    assert message in str(error.value)
    assert f"Received: {line!r}" in str(error.value)
    assert "\n" not in str(error.value)


def test_lines_reach_the_stage_as_they_were_written(tmp_path: Path) -> None:
    lines = ["coverage >= 0.5", "memorization_verdict == fine"]
    assert loaded(tmp_path / "params.yaml", lines).require == lines
    with pytest.raises(UsageError, match=r"score\.require: Input should be a valid list"):
        loaded(tmp_path / "params.yaml", "coverage >= 0.5")


def test_the_words_of_the_verdict_are_those_it_is_given_in() -> None:
    message = get_args(get_type_hints(memorization.Copying)["verdict"])
    assert criteria.WORDS["memorization_verdict"] == message


def test_every_number_of_the_scorecard_can_be_required() -> None:
    keys = {*MEASURES, *(measure.real for measure in MEASURES.values() if measure.real)}
    assert {parse(f"{key} >= 0").key for key in keys} == keys
    assert keys < criteria.NUMBERS
