"""The evaluation as a whole: what is compared with what, and what is left open, on drawn features of few dimensions."""

import dataclasses
import math

import numpy as np
import pytest

from pedigree.common.measures import INCEPTION_NAMES, MEASURES
from pedigree.common.spread import spread
from pedigree.metrics.estimate import Estimate
from pedigree.score.evaluation import FEWEST, evaluate
from pedigree.score.sample import Sample

BREEDS = ("n99000001-One", "n99000002-Two", "n99000003-Three")
DIMENSION = 12


def sample(seed, counts, shift=0.0):
    """Draw features around a centre a breed, and pictures of noise."""
    chance, labels = np.random.default_rng(seed), np.repeat(np.arange(3, dtype=np.int32), counts)
    centres = 3 * np.eye(3, DIMENSION)[labels] + 4 + shift
    features = (centres + chance.normal(0, 1, centres.shape)).astype(np.float32)
    return Sample(chance.integers(0, 256, (len(labels), 16, 16, 3), dtype=np.uint8), features, labels, None)


@pytest.fixture(scope="module")
def sides():
    return sample(0, (60, 40, 50)), sample(1, (20, 15, 15)), sample(2, (80, 60, 60))


@pytest.fixture(scope="module")
def evaluation(sides):
    return evaluate(*sides, BREEDS)


def test_every_number_of_the_scorecard_is_there_with_what_real_photos_reach(evaluation):
    expected = {key for key in MEASURES if key not in INCEPTION_NAMES}
    expected |= {measure.real for measure in MEASURES.values() if measure.real}
    assert expected <= set(evaluation.numbers)
    exact = {"collapsed_breeds", "imagenet_accuracy", "imagenet_accuracy_holdout"}
    for key in expected - exact:
        assert isinstance(evaluation.numbers[key], Estimate), key
        assert evaluation.numbers[key].standard_error >= 0, key


def test_as_many_pictures_as_held_out_ones_stand_beside_the_floor(sides, evaluation):
    train, holdout, generated = sides
    fewer = np.sort(np.argsort(generated.labels, kind="stable")[spread(len(holdout), len(generated))])
    chosen = Sample(generated.images[fewer], generated.features[fewer], generated.labels[fewer], None)
    numbers = evaluate(train, holdout, chosen, BREEDS).numbers
    for key in ("frechet_distance", "recall", "coverage"):
        assert numbers[key] == pytest.approx(evaluation.numbers[f"{key}_at_floor_size"], rel=1e-9), key
        assert numbers[f"{key}_at_floor_size"] == pytest.approx(numbers[key], rel=1e-9), key
    assert np.bincount(generated.labels[fewer]).tolist() == [20, 15, 15]


def test_an_extractor_that_knows_the_breeds_predicts_them_in_place_of_the_probe(sides, evaluation):
    own = evaluate(*sides, BREEDS, predict=lambda features: np.zeros(len(features), np.intp))
    assert own.numbers["breed_accuracy"] == pytest.approx(80 / 200)  # only the first breed is ever right
    assert own.numbers["breed_accuracy_holdout"] == pytest.approx(20 / 50)
    assert own.confusion[:, 0].tolist() == [1.0, 1.0, 1.0]
    assert own.numbers["frechet_distance"] == evaluation.numbers["frechet_distance"]


def test_an_extractor_that_learned_from_the_training_crops_gives_no_verdict_on_copies(sides):
    train, holdout, _ = sides
    verdicts = [
        evaluate(train, holdout, train, BREEDS, predict=predict).numbers.get("memorization_verdict")
        for predict in (None, lambda features: np.zeros(len(features), np.intp))
    ]
    assert verdicts == ["copies", None]


def test_the_order_of_the_pictures_changes_no_number(sides, evaluation):
    train, holdout, generated = sides
    turned = [
        Sample(side.images[::-1], side.features[::-1], side.labels[::-1], None) for side in (train, holdout, generated)
    ]
    numbers = evaluate(*turned, BREEDS).numbers
    for key, number in evaluation.numbers.items():
        if isinstance(number, float) and not key.startswith("ms_ssim") and not key.endswith(("floor_size", "floor")):
            assert numbers[key] == pytest.approx(number, rel=1e-6, abs=1e-9), key  # the others pick some by their place


def test_kaggles_bound_decides_the_penalty_where_there_is_one_and_else_the_verdict(sides):
    train, holdout, _ = sides
    distance = evaluate(*sides, BREEDS).numbers["memorization_distance"]
    for epsilon, divisor in ((None, 1.0), (0.5 * distance, 1.0), (2 * distance, distance)):
        numbers = evaluate(*sides, BREEDS, epsilon=epsilon).numbers
        informed = numbers["memorization_informed_frechet_distance"]
        assert informed == pytest.approx(numbers["frechet_distance"] / divisor)
    copies = dataclasses.replace(train, features=train.features * 1.001)
    numbers = evaluate(train, holdout, copies, BREEDS).numbers
    assert numbers["memorization_verdict"] == "copies"
    assert numbers["memorization_informed_frechet_distance"] > 1000 * numbers["frechet_distance"]


def test_a_breed_without_generated_or_held_out_pictures_leaves_its_cells_open(sides):
    train, _, _ = sides
    evaluation = evaluate(train, sample(1, (20, 15, 0)), sample(2, (80, 0, 60)), BREEDS)
    one, two, three = (evaluation.table.iloc[row] for row in range(3))
    assert two[["holdout", "generated"]].tolist() == [15, 0]
    for cell in ("breed_accuracy", "breed_accuracy_error", "precision", "diversity_ratio", "frechet_distance"):
        assert math.isnan(two[cell]), cell
        assert not math.isnan(one[cell]), cell
    assert math.isnan(three["frechet_distance_floor"])
    assert not evaluation.table["collapsed"].any()
    assert all(isinstance(value, str | int | float | None) for value in evaluation.numbers.values())


def test_the_breed_that_is_worse_is_in_more_trouble(sides):
    train, holdout, generated = sides
    features = generated.features.copy()
    features[generated.labels == 1] = features[generated.labels == 1][0]
    table = evaluate(train, holdout, dataclasses.replace(generated, features=features), BREEDS).table
    assert table["trouble"].idxmax() == 1
    assert table["collapsed"].tolist() == [False, True, False]
    assert table["trouble"].between(0, 1).all()


def test_the_map_shows_the_directions_in_which_training_crops_vary_most(sides, evaluation):
    train, _, generated = sides
    assert evaluation.train_map.shape == (150, 2)
    first, second = evaluation.train_map.var(axis=0)
    assert first > second > 0.99 * np.sort(np.linalg.eigvalsh(np.cov(train.features.T)))[-2] * 149 / 150
    assert np.corrcoef(evaluation.train_map.T)[0, 1] == pytest.approx(0, abs=1e-6)
    assert len(evaluation.generated_map) == len(generated)


def test_the_map_is_the_same_of_fewer_crops_than_dimensions(sides):
    wide = [Sample(s.images[::5], np.pad(s.features[::5], ((0, 0), (0, 88))), s.labels[::5], None) for s in sides]
    narrow = [Sample(s.images[::5], s.features[::5], s.labels[::5], None) for s in sides]
    assert len(wide[0]) < wide[0].features.shape[1]
    one, other = (evaluate(*of, BREEDS) for of in (wide, narrow))
    np.testing.assert_allclose(one.train_map, other.train_map, atol=1e-5)
    np.testing.assert_allclose(one.generated_map, other.generated_map, atol=1e-5)


def test_too_few_pictures_are_refused(sides):
    train, holdout, generated = sides
    few = sample(5, (2, 2, 1))
    assert len(few) < FEWEST
    for wrong in ((few, holdout, generated), (train, few, generated), (train, holdout, few)):
        with pytest.raises(ValueError, match="n at least 6"):
            evaluate(*wrong, BREEDS)
