"""Memorisation: the distance Kaggle defined, and a verdict that neither cries wolf nor sleeps."""

import numpy as np
import pytest

from pedigree.metrics import memorization
from pedigree.metrics.estimate import Estimate
from pedigree.metrics.memorization import (
    Nearest,
    judge_copying,
    memorization_distance,
    memorization_informed_frechet_distance,
    nearest_training,
)


def features(seed, rows, dimension=16, dtype=np.float32):
    return np.random.default_rng(seed).normal(0.3, 1.0, (rows, dimension)).astype(dtype)


def all_distances(train, generated):
    """1 − |cos| of every pair, `(m, n)`, read literally."""
    one, other = (rows.astype(np.float64) for rows in (train, generated))
    lengths = np.linalg.norm(other, axis=1)[:, None] * np.linalg.norm(one, axis=1)
    return 1 - np.abs(other @ one.T) / lengths


def nearest(distances, indices=None):
    distances = np.asarray(distances, np.float64)
    return Nearest(
        np.arange(len(distances)) if indices is None else np.asarray(indices), distances, np.ones(len(distances), bool)
    )


def like_photos(chance, count):
    return nearest(chance.beta(5, 15, count))


@pytest.mark.parametrize("products", [1, 500, 2**24])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_nearest_is_that_of_all_pairs_at_any_block_size(monkeypatch, products, dtype):
    monkeypatch.setattr(memorization, "_PRODUCTS_AT_ONCE", products)
    train, generated = features(0, 90, dtype=dtype), features(1, 40, dtype=dtype)
    expected = all_distances(train, generated)
    found = nearest_training(train, generated)
    np.testing.assert_array_equal(found.indices, expected.argmin(axis=1))
    np.testing.assert_allclose(found.distances, expected.min(axis=1), atol=1e-12)


def test_near_copies_keep_all_their_digits():
    train, aside = np.eye(64)[:40], np.eye(64)[40]
    angles = np.logspace(-7, -1, 40)
    copies = (np.cos(angles)[:, None] * train + np.sin(angles)[:, None] * aside) * 1e3
    found = nearest_training(train, copies)
    np.testing.assert_array_equal(found.indices, np.arange(40))
    np.testing.assert_allclose(found.distances, 2 * np.sin(angles / 2) ** 2, rtol=1e-6)


def test_copies_are_at_no_distance_whatever_their_sign_and_scale():
    train = features(0, 50)
    found = nearest_training(train, np.concatenate([train, -train, 2.5 * train]))
    np.testing.assert_array_equal(found.indices, np.tile(np.arange(50), 3))
    np.testing.assert_allclose(found.distances, 0, atol=1e-12)


def test_rows_of_zeros_are_near_nothing():
    train, generated = features(0, 20), features(1, 10)
    padded = np.insert(train, [0, 7, 20], 0, axis=0)
    expected, found = nearest_training(train, generated), nearest_training(padded, generated)
    np.testing.assert_array_equal(padded[found.indices], train[expected.indices])
    np.testing.assert_array_equal(found.distances, expected.distances)
    assert nearest_training(padded, np.zeros((2, 16))).distances.tolist() == [1.0, 1.0]
    assert nearest_training(padded, np.zeros((2, 16))).indices.tolist() == [1, 1]


def test_one_training_photo_and_its_duplicates_are_one_answer():
    photo, generated = features(0, 1), features(1, 30)
    alone, many = nearest_training(photo, generated), nearest_training(np.repeat(photo, 9, axis=0), generated)
    np.testing.assert_allclose(many.distances, alone.distances, atol=1e-15)
    np.testing.assert_allclose(alone.distances, all_distances(photo, generated)[:, 0], atol=1e-12)


def test_the_distance_is_the_mean_over_generated_pictures_without_rows_of_zeros():
    real, generated = features(0, 60), features(1, 30)
    real[3], generated[5], generated[6] = 0, 0, 0
    distances = all_distances(np.delete(real, 3, axis=0), np.delete(generated, [5, 6], axis=0))
    assert memorization_distance(real, generated) == pytest.approx(distances.min(axis=1).mean(), abs=1e-12)
    assert memorization_distance(real, generated) != pytest.approx(distances.min(axis=0).mean(), rel=0.01)


def test_a_generator_collapsed_onto_one_training_photo_is_at_no_distance():
    real = features(0, 200)
    assert memorization_distance(real, np.repeat(real[17:18], 50, axis=0)) == pytest.approx(0, abs=1e-12)


def test_the_standard_error_is_that_of_other_pictures_by_the_same_generator():
    real = features(0, 50, 4)
    drawn = [memorization_distance(real, features(seed, 40, 4)) for seed in range(1, 401)]
    assert np.mean([each.standard_error for each in drawn]) == pytest.approx(np.std(drawn), rel=0.15)
    assert np.isnan(memorization_distance(real, real[:1]).standard_error)


@pytest.mark.parametrize(
    ("distance", "epsilon", "expected"),
    [
        (0.05, 0.1, 20 / (0.05 + 1e-15)),
        (0.1, 0.1, 20 / (1 + 1e-15)),  # not below: no penalty
        (0.2, 0.1, 20 / (1 + 1e-15)),
        (0.2, 0.25, 20 / (0.2 + 1e-15)),
        (0.0, 0.1, 20 / 1e-15),
    ],
)
def test_the_informed_distance_is_kaggles_to_the_last_digit(distance, epsilon, expected):
    assert memorization_informed_frechet_distance(20.0, distance, epsilon=epsilon) == expected


def test_the_informed_distance_is_as_uncertain_as_the_ratio():
    chance = np.random.default_rng(0)
    frechet, distance = Estimate(20.0, 1.0), Estimate(0.08, 0.004)
    ratios = chance.normal(20.0, 1.0, 20_000) / chance.normal(0.08, 0.004, 20_000)
    result = memorization_informed_frechet_distance(frechet, distance, epsilon=0.1)
    assert result.standard_error == pytest.approx(ratios.std(), rel=0.05)
    assert memorization_informed_frechet_distance(frechet, distance, epsilon=0.05).standard_error == pytest.approx(1.0)


@pytest.mark.parametrize(("pictures", "photos"), [(1000, 300), (2000, 25), (50, 50), (5, 100), (300, 5)])
@pytest.mark.parametrize("digits", [None, 1])  # 1: a handful of different distances, heavy ties
def test_real_photos_are_called_copies_at_most_once_in_twenty_times(pictures, photos, digits):
    chance = np.random.default_rng(7)
    sides = [[like_photos(chance, count).distances for count in (pictures, photos)] for _ in range(400)]
    if digits is not None:
        sides = [[side.round(digits) for side in pair] for pair in sides]
    alarms = [judge_copying(nearest(one), nearest(other)).verdict == "copies" for one, other in sides]
    assert np.mean(alarms) <= 0.05


def test_real_features_of_one_kind_raise_no_alarm_and_copies_of_some_do():
    train, fresh, holdout = features(0, 400, 8), features(1, 500, 8), features(2, 200, 8)
    floor = nearest_training(train, holdout)
    assert judge_copying(nearest_training(train, fresh), floor).verdict == "fine"
    fresh[:60] = train[100:160] + 0.01 * features(3, 60, 8)
    assert judge_copying(nearest_training(train, fresh), floor).verdict == "copies"


@pytest.mark.parametrize(
    ("pictures", "photos", "share"), [(1000, 300, 0.1), (300, 100, 0.15), (100, 300, 0.2), (1000, 25, 0.25)]
)
def test_a_share_of_copies_among_junk_is_found(pictures, photos, share):
    chance = np.random.default_rng(3)
    found = []
    for _ in range(60):
        copied = chance.random(pictures) < share
        generated = nearest(np.where(copied, chance.uniform(0, 0.01, pictures), 0.9))
        found.append(judge_copying(generated, like_photos(chance, photos)))
    assert np.mean([each.verdict == "copies" for each in found]) > 0.9
    assert not any(each.nearer_on_average for each in found)
    assert np.mean([each.suspects for each in found]) == pytest.approx(share, abs=0.02)


def test_a_generator_that_stays_a_little_too_near_is_found_without_suspects():
    chance = np.random.default_rng(5)
    generated = nearest(0.07 + 0.6 * like_photos(chance, 500).distances)
    found = judge_copying(generated, like_photos(chance, 200))
    assert (found.verdict, found.nearer_on_average, found.many_suspects) == ("copies", True, False)
    assert found.nearer > 0.55


def test_copies_of_a_single_training_photo_are_found():
    chance = np.random.default_rng(0)
    generated = nearest(np.full(200, 1e-4), np.zeros(200, int))
    found = judge_copying(generated, like_photos(chance, 100))
    assert found.many_suspects
    assert found.verdict == "copies"


def test_a_few_pictures_drawn_over_and_over_are_not_judged_by_luck():
    chance = np.random.default_rng(11)
    alarms = []
    for _ in range(200):
        generated = nearest(np.repeat(like_photos(chance, 6).distances, 50), np.repeat(np.arange(6), 50))
        alarms.append(judge_copying(generated, like_photos(chance, 200)).verdict == "copies")
    assert np.mean(alarms) <= 0.05


def test_pictures_far_from_everything_are_fine_and_that_says_nothing():
    chance = np.random.default_rng(0)
    found = judge_copying(nearest(chance.uniform(0.8, 1, 300)), like_photos(chance, 100))
    assert (found.verdict, float(found.suspects), float(found.nearer)) == ("fine", 0.0, 0.0)
    assert found.suspects.standard_error > 0


def test_a_suspect_is_nearer_than_99_of_100_held_out_photos():
    holdout = nearest(np.arange(1, 301) / 1000)
    found = judge_copying(nearest([0.0035, 0.004, 0.0045]), holdout)
    assert found.suspicious == 0.004  # three of 300 are below
    assert found.suspects == pytest.approx(1 / 3)
    assert judge_copying(nearest([0.5]), nearest([0.3, 0.2])).suspicious == 0.2


@pytest.mark.parametrize(("share", "verdict"), [(0.04, "fine"), (0.08, "copies")])
def test_some_suspects_are_tolerated_however_sure_they_are(share, verdict):
    chance = np.random.default_rng(4)
    generated = nearest(np.where(np.arange(3000) < share * 3000, 0.001, 0.9))
    found = judge_copying(generated, like_photos(chance, 3000))
    assert (found.verdict, float(found.suspects)) == (verdict, share)


def test_only_the_order_of_distances_counts():
    chance = np.random.default_rng(1)
    generated, holdout = like_photos(chance, 200).distances * 0.9, like_photos(chance, 80).distances
    plain, bent = (judge_copying(nearest(f(generated)), nearest(f(holdout))) for f in (np.copy, np.sqrt))
    assert (plain.verdict, plain.suspects, plain.nearer) == (bent.verdict, bent.suspects, bent.nearer)


def test_the_chance_to_be_nearer_says_how_far_chance_moves_it():
    chance = np.random.default_rng(2)
    drawn = [judge_copying(nearest(chance.beta(5, 20, 60)), nearest(chance.beta(5, 15, 40))).nearer for _ in range(500)]
    assert np.mean([each.standard_error for each in drawn]) == pytest.approx(np.std(drawn), rel=0.15)


def test_the_share_of_suspects_says_how_far_chance_moves_it():
    chance, holdout = np.random.default_rng(2), nearest(np.linspace(0.1, 0.9, 101))
    drawn = [judge_copying(nearest(chance.uniform(0.05, 0.5, 200)), holdout).suspects for _ in range(500)]
    assert np.mean([each.standard_error for each in drawn]) == pytest.approx(np.std(drawn), rel=0.15)


@pytest.mark.parametrize(
    ("train", "generated", "message"),
    [
        (np.zeros((3, 4)), np.ones((2, 4)), "train must have a row .* Received: 3 rows of zeros"),
        (np.ones((3, 4)), np.ones((2, 5)), "same dimension"),
        (np.ones((3, 4)), np.full((2, 4), np.inf), "generated must be finite"),
        (np.ones((0, 4)), np.ones((2, 4)), r"train must be .* Received: \(0, 4\)"),
    ],
)
def test_what_is_no_pair_of_samples_is_refused(train, generated, message):
    with pytest.raises(ValueError, match=message):
        nearest_training(train, generated)


def test_nothing_left_to_judge_is_refused():
    with pytest.raises(ValueError, match=r"generated must have a row .* Received: 2 rows of zeros"):
        memorization_distance(np.ones((3, 4)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="Received: 0 and 1"):
        judge_copying(nearest([]), nearest([0.1]))
