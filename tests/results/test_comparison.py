"""Better or noise: chance is called noise 95 times in 100, real changes by their direction, the rest not at all."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from pedigree.common.measures import MEASURES
from pedigree.common.paths import METRICS
from pedigree.errors import PedigreeError
from pedigree.results.comparison import Change, against, compare, render
from pedigree.results.metrics_file import Numbers

SIZES = {"samples": 1000, "real": 700, "holdout": 200}
# As `score` wrote them before there were standard errors.
EARLY: Numbers = {
    "samples": 1000,
    "real": 717,
    "holdout": 179,
    "frechet_distance": 151.526,
    "frechet_distance_at_floor_size": 175.449,
    "frechet_distance_floor": 40.8065,
    "breed_accuracy": 0.724,
    "breed_accuracy_holdout": 1.0,
    "breed_accuracy_chance": 0.126108,
    "imagenet_accuracy": None,
    "imagenet_accuracy_holdout": None,
}


def numbers(key: str, value: float | None, error: float | None = None, **sizes: int) -> Numbers:
    """One number as `score` writes it, with the sizes of its samples."""
    errors = {} if error is None else {"standard_error": {key: error}}
    return {**SIZES, **sizes, key: value, **errors}


def row(key: str, before: Numbers, now: Numbers) -> Change:
    return next(row for row in compare(before, now) if row.key == key)


def share(chance: np.random.Generator, truth: float, count: int = 500) -> Numbers:
    """The precision of `count` pictures, each real-looking with probability `truth`, as measured."""
    found = (chance.random(count) < truth).mean()
    return numbers("precision", float(found), math.sqrt(found * (1 - found) / count))


def words(truth_before: float, truth_now: float, trials: int = 1000) -> dict[str, float]:
    """The share of trials with each judgement."""
    chance = np.random.default_rng(0)
    counts = [row("precision", share(chance, truth_before), share(chance, truth_now)).word for _ in range(trials)]
    return {word: counts.count(word) / trials for word in set(counts)}


def test_two_samples_of_one_distribution_are_noise_about_95_times_in_100() -> None:
    counts = words(0.6, 0.6)
    # Three standard deviations of 1,000 trials are 0.021; equal counts, 2 trials in 100, are "same".
    assert counts["noise"] + counts["same"] == pytest.approx(0.95, abs=0.021)
    assert counts["better"] == pytest.approx(counts["worse"], abs=0.02)


def test_a_change_of_twice_its_margin_is_found_in_its_direction() -> None:
    margin = 1.96 * math.sqrt(2 * 0.6 * 0.4 / 500)
    counts = words(0.6, 0.6 + 2 * margin)
    assert counts["better"] > 0.95
    assert "worse" not in counts
    assert words(0.6, 0.6 - 2 * margin)["worse"] > 0.95


@pytest.mark.parametrize("key", [key for key, measure in MEASURES.items() if measure.better])
def test_better_is_the_end_the_scorecard_names(key: str) -> None:
    lower, higher = numbers(key, 0.2, 0.01), numbers(key, 0.4, 0.01)
    up, down = ("better", "worse") if MEASURES[key].better == "higher" else ("worse", "better")
    assert (row(key, lower, higher).word, row(key, higher, lower).word) == (up, down)


def test_the_margin_is_of_both_errors_together() -> None:
    def word(change: float) -> str:
        return row("precision", numbers("precision", 0.5, 0.03), numbers("precision", 0.5 + change, 0.04)).word

    assert [word(0.0), word(0.097), word(-0.097)] == ["same", "noise", "noise"]
    assert [word(0.099), word(-0.099)] == ["better", "worse"]


def test_a_number_without_a_good_end_only_changes() -> None:
    key = "memorization_distance"
    assert row(key, numbers(key, 0.2, 0.01), numbers(key, 0.4, 0.01)).word == "changed"
    assert row(key, numbers(key, 0.2, 0.01), numbers(key, 0.21, 0.01)).word == "noise"


@pytest.mark.parametrize(
    ("before", "now", "word", "reason"),
    [
        ((0.5, None), (0.7, None), "?", "no standard error"),
        ((0.5, None), (0.7, 0.01), "?", "no standard error before"),
        ((0.5, 0.01), (0.7, None), "?", "no standard error now"),
        ((0.5, None), (0.51, 0.01), "noise", ""),  # the error that is known covers it already
        ((0.5, None), (0.5, None), "same", ""),
        ((None, None), (0.5, 0.01), "?", "not measured before"),
        ((0.5, 0.01), (None, None), "?", "not measured now"),
    ],
)
def test_nothing_is_said_without_a_ground(
    before: tuple[float | None, float | None], now: tuple[float | None, float | None], word: str, reason: str
) -> None:
    found = row("precision", numbers("precision", *before), numbers("precision", *now))
    assert (found.word, found.reason) == (word, reason)


@pytest.mark.parametrize(
    ("key", "sizes", "compares"),
    [
        ("frechet_distance", {"samples": 500}, False),
        ("frechet_distance", {"real": 600}, False),
        ("frechet_distance", {"holdout": 100}, True),
        ("frechet_distance_at_floor_size", {"samples": 500}, True),  # 200 of them either way
        ("frechet_distance_at_floor_size", {"samples": 100}, False),
        ("frechet_distance_at_floor_size", {"holdout": 100}, False),
        ("frechet_distance_floor", {"holdout": 100}, False),
        ("kernel_distance", {"samples": 500, "real": 600, "holdout": 100}, True),
    ],
)
def test_numbers_that_depend_on_sizes_compare_only_at_equal_ones(
    key: str, sizes: dict[str, int], compares: bool
) -> None:
    found = row(key, numbers(key, 90.0, 1.0), numbers(key, 50.0, 1.0, **sizes))
    assert (found.word != "?") == compares
    assert found.reason == ("" if compares else "other sample sizes")


def test_an_early_file_without_errors_and_with_fewer_keys_compares() -> None:
    now = {**EARLY, "frechet_distance": 120.0, "breed_accuracy": 0.75, "coverage": 0.5}
    now["standard_error"] = {"frechet_distance": 2.0, "breed_accuracy": 0.0137, "coverage": 0.02}
    found = {row.key: (row.word, row.reason) for row in compare(EARLY, now)}
    assert found["frechet_distance"] == ("?", "no standard error before")
    assert found["breed_accuracy"] == ("noise", "")
    assert found["coverage"] == ("?", "not measured before")
    assert found["breed_accuracy_holdout"] == ("same", "")
    assert "imagenet_accuracy" not in found
    assert "standard_error" not in found


def test_rows_come_in_the_scorecards_order_and_unknown_keys_last() -> None:
    everything = dict.fromkeys(["of_tomorrow", *reversed(MEASURES)], 1.0) | SIZES
    keys = [row.key for row in compare(everything, everything)]
    assert keys[: len(MEASURES)] == list(MEASURES)
    assert keys[-1] == "of_tomorrow"


def test_the_lines_say_what_the_rows_say() -> None:
    before = {**SIZES, "frechet_distance": 151.526, "breed_accuracy": 0.6, "precision": 0.71, "recall": 0.2}
    now = {**SIZES, "frechet_distance": 120.1, "breed_accuracy": 0.5, "precision": 0.72, "recall": 0.2}
    before |= {"memorization_verdict": "fine", "of_tomorrow": 4.5}
    now |= {"memorization_verdict": "copies", "of_tomorrow": 5.5}
    errors = {"frechet_distance": 3.0, "breed_accuracy": 0.015, "precision": 0.014}
    lines = render(compare({**before, "standard_error": errors}, {**now, "standard_error": errors})).splitlines()
    assert lines[0] == "1 better, 2 worse, 1 within noise, 1 the same, 1 not comparable."
    assert [" ".join(line.split()) for line in lines[2:9]] == [
        "before now change",
        "Fréchet distance 151.5 ± 5.9 120.1 ± 5.9 -31.4 ± 8.3 better",
        "Precision 0.710 ± 0.027 0.720 ± 0.027 +0.010 ± 0.039 noise",
        "Recall 0.2 0.2 +0 same",
        "Breed accuracy 0.600 ± 0.029 0.500 ± 0.029 -0.100 ± 0.042 worse",
        "Memorisation verdict fine copies worse",
        "of_tomorrow 4.5 5.5 +1 ? no standard error",
    ]
    assert len({line.index(" ± ") for line in lines if line.count("±") == 3}) == 1, "aligned"
    assert lines[-1] == "The same in both: samples 1000, real 700, holdout 200."


def test_a_breed_more_that_clearly_collapsed_is_worse_and_a_verdict_cleared_is_better() -> None:
    before = {**SIZES, "collapsed_breeds": 1, "memorization_verdict": "copies"}
    now = {**SIZES, "collapsed_breeds": 2, "memorization_verdict": "fine"}
    words = {row.key: row.word for row in compare(before, now)}
    assert (words["collapsed_breeds"], words["memorization_verdict"]) == ("worse", "better")


def test_other_crops_are_told_since_they_move_every_number() -> None:
    now = {**EARLY, "frechet_distance_floor": 50.0, "samples": 500}
    head, _, ground = render(compare(EARLY, now)).partition("Not caused by the generator")
    assert "real photos" not in head
    assert "Fréchet distance, floor's size: real photos" in ground
    assert "Generated pictures" in ground
    assert "Not caused by the generator" not in render(compare(EARLY, {**EARLY, "breed_accuracy": 0.8}))


def test_colour_adds_nothing_but_colour() -> None:
    before, now = numbers("precision", 0.5, 0.01), numbers("precision", 0.7, 0.01)
    plain, coloured = render(compare(before, now)), render(compare(before, now), colour=True)
    assert "\033" not in plain
    assert coloured.replace("\033[32m", "").replace("\033[0m", "") == plain != coloured


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with scores, and the working one."""
    (tmp_path / METRICS).parent.mkdir()
    (tmp_path / METRICS).write_text(json.dumps({"efficientnet-lite0": EARLY}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_equal_numbers_take_one_line(project: Path) -> None:
    (project / "kept.json").write_text(json.dumps({"efficientnet-lite0": {**EARLY, "standard_error": {}}}))
    line = "reports/metrics.json against kept.json, by efficientnet-lite0: all numbers are equal."
    assert against("kept.json") == line


def test_the_first_line_sums_up_and_the_last_ones_warn(project: Path) -> None:
    (project / "kept.json").write_text(json.dumps({"efficientnet-lite0": {**EARLY, "breed_accuracy": 0.5}}))
    lines = against("kept.json").splitlines()
    assert lines[0] == (
        "reports/metrics.json against kept.json, by efficientnet-lite0: "
        "0 better, 0 worse, 0 within noise, 2 the same, 1 not comparable."
    )
    assert "Of twenty numbers" in lines[-3]
    assert "another seed" in lines[-2]


@pytest.mark.parametrize(
    ("before", "now", "sentence"),
    [
        (True, True, "trained both generators, so their numbers are biased."),
        (True, False, "trained the earlier generator, so the earlier numbers are biased."),
        (False, True, "trained the new generator, so the new numbers are biased."),
        (False, False, ""),
    ],
)
def test_a_judge_that_trained_a_generator_is_called_biased(
    project: Path, before: bool, now: bool, sentence: str
) -> None:
    scores = [{**EARLY, "bias": "trained the generator" if biased else None} for biased in (before, now)]
    (project / METRICS).write_text(json.dumps({"efficientnet-lite0": scores[1]}))
    for change in ({}, {"breed_accuracy": 0.5}):
        (project / "kept.json").write_text(json.dumps({"efficientnet-lite0": scores[0] | change}))
        text = against("kept.json")
        assert [line for line in text.splitlines() if "bias" in line] == [f"efficientnet-lite0 {sentence}"] * bool(
            sentence
        )


def test_numbers_of_different_extractors_never_meet(project: Path) -> None:
    (project / "kept.json").write_text(json.dumps({"inception-2015": EARLY, "resnet50-v2": EARLY}))
    with pytest.raises(PedigreeError) as error:
        against("kept.json")
    assert "metrics.json uses the extractor efficientnet-lite0 and kept.json uses inception-2015, resnet50-v2" in str(
        error.value
    )
    assert "\n" not in str(error.value)
    (project / METRICS).write_text(json.dumps({"resnet50-v2": EARLY, "efficientnet-lite0": EARLY}))
    assert against("kept.json") == "reports/metrics.json against kept.json, by resnet50-v2: all numbers are equal."
