"""Diversity within breeds: what varies, what repeats itself, and which breeds have collapsed."""

import tarfile

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from pedigree.metrics import diversity
from pedigree.metrics.diversity import (
    PerBreed,
    collapse,
    mean_pairwise_distance,
    mean_pairwise_distance_per_breed,
)

PHOTOS = ROOT.parent / "shared" / "data" / "tinydogs6" / "images.tar"


def normal(seed, rows, dimension=64):
    return np.random.default_rng(seed).normal(3.0, 1.0, (rows, dimension))


def breeds_of(seed, each, breeds=4, dimension=64):
    """Breeds of one size, as normal clouds about centres apart from each other."""
    labels = np.repeat(np.arange(breeds), each)
    return normal(seed, len(labels), dimension) + 20 * np.eye(breeds, dimension)[labels], labels


def all_pairs(features):
    one, other = np.triu_indices(len(features), 1)
    return np.linalg.norm(features[one] - features[other], axis=1)


@pytest.mark.parametrize("distances", [1, 300, 2**23])
@pytest.mark.parametrize("offset", [0, 1e4])
def test_it_is_the_mean_over_all_pairs_at_any_block_size_and_offset(monkeypatch, distances, offset):
    monkeypatch.setattr(diversity, "_DISTANCES_AT_ONCE", distances)
    features = normal(0, 40) + offset
    assert mean_pairwise_distance(features) == pytest.approx(all_pairs(features).mean(), rel=1e-9)


def test_two_rows_have_a_distance_and_no_standard_error():
    result = mean_pairwise_distance(np.array([[0.0, 0.0], [3.0, 4.0]]))
    assert result == pytest.approx(5.0)
    assert np.isnan(result.standard_error)


def test_equal_rows_are_at_no_distance():
    assert mean_pairwise_distance(normal(0, 1).repeat(20, axis=0)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("rows", "dimension"), [(10, 3), (40, 3), (40, 100)])
def test_its_standard_error_is_that_of_rows_drawn_anew(rows, dimension):
    drawn = [mean_pairwise_distance(normal(seed, rows, dimension)) for seed in range(500)]
    assert np.mean([each.standard_error for each in drawn]) == pytest.approx(np.std(drawn), rel=0.25)


def test_breeds_are_measured_apart_and_those_of_few_pictures_not_at_all():
    features, labels = normal(0, 12), np.array([1, 2, 2, 3, 3, 3, 3, 3, 5, 5, 5, 5])
    result = mean_pairwise_distance_per_breed(features, labels, 6)
    for breed in (2, 3, 5):
        assert result.value[breed] == pytest.approx(all_pairs(features[labels == breed]).mean())
    assert np.isnan(result.value).tolist() == [True, True, False, False, True, False]
    assert np.isnan(result.standard_error).tolist() == [True, True, True, False, True, False]
    assert result.mean() == pytest.approx(result.value[[2, 3, 5]].mean())


def test_the_mean_over_breeds_says_how_far_chance_moves_it():
    drawn = []
    for seed in range(300):
        features, labels = breeds_of(seed, 12, dimension=5)
        drawn.append(mean_pairwise_distance_per_breed(features, labels, 6).mean())
    assert np.mean([each.standard_error for each in drawn]) == pytest.approx(np.std(drawn), rel=0.25)


def test_no_breed_known_is_no_mean():
    result = PerBreed(np.array([np.nan, np.nan]), np.array([np.nan, np.nan])).mean()
    assert np.isnan(result)
    assert np.isnan(result.standard_error)


@pytest.mark.parametrize("dimension", [1, 64])
@pytest.mark.parametrize("drawn", [5, 20, 150])
@pytest.mark.parametrize("photos", [10, 100])
def test_no_breed_of_real_photos_has_collapsed(photos, drawn, dimension):
    real_labels, labels = np.repeat(np.arange(40), photos), np.repeat(np.arange(40), drawn)
    real, generated = normal(0, len(real_labels), dimension), normal(1, len(labels), dimension)
    found = collapse(real, real_labels, generated, labels, 40)
    assert not found.collapsed.any()
    assert found.ratio.value.mean() == pytest.approx(1, abs=0.15)


def test_five_pictures_that_happen_to_lie_close_have_not_collapsed():
    real_labels, labels = np.repeat(np.arange(300), 40), np.repeat(np.arange(300), 5)
    found = collapse(normal(0, 12_000, 1), real_labels, normal(1, 1500, 1), labels, 300)
    assert (found.ratio.value < 0.5).sum() > 10
    assert not found.collapsed.any()


@pytest.mark.parametrize("drawn", [20, 100, 300])
def test_as_many_real_photos_have_as_many_twins_as_the_yardstick_says(drawn):
    real, real_labels = breeds_of(0, 300, 20)
    generated, labels = breeds_of(1, drawn, 20)
    shares = collapse(real, real_labels, generated, labels, 20).near_duplicates
    assert 0.02 < shares.mean() < 0.08


def test_photos_too_few_for_such_pairs_do_not_make_twins_of_everything():
    real, real_labels = breeds_of(0, 12, 20)
    generated, labels = breeds_of(1, 200, 20)
    assert collapse(real, real_labels, generated, labels, 20).near_duplicates.mean() < 0.25


def test_one_picture_ten_pictures_and_a_narrow_blob_are_collapses_and_a_varied_breed_is_none():
    real, real_labels = breeds_of(0, 100)
    generated, labels = breeds_of(1, 80)
    chance = np.random.default_rng(2)
    generated[:80] = generated[0]
    generated[80:160] = generated[80 + chance.integers(0, 10, 80)]
    generated[160:240] = generated[160] + 0.3 * chance.normal(size=(80, 64))
    found = collapse(real, real_labels, generated, labels, 4)
    assert found.collapsed.tolist() == [True, True, True, False]
    assert found.near_duplicates.value[:2].tolist() == [1, 1]
    assert (found.near_duplicates.value[2:] < 0.2).all()  # a blob has its ratio: its pictures differ, if little
    assert found.different[:2] == pytest.approx([1, 9], abs=0.8)
    assert (found.different[2:] > 60).all()
    assert found.ratio.value[0] == pytest.approx(0, abs=1e-6)
    assert 0.8 < found.ratio.value[1] < 1  # the mean distance alone hardly sees ten pictures
    assert found.ratio.value[2] == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize(("distinct", "collapsed"), [(5, True), (10, True), (100, False), (200, False)])
@pytest.mark.parametrize("drawn", [40, 100, 400])
def test_how_many_different_pictures_there_are_decides_and_not_how_many_are_drawn(distinct, collapsed, drawn):
    real, real_labels = breeds_of(0, 150, 1)
    chosen = np.random.default_rng(drawn).integers(0, distinct, drawn)
    found = collapse(real, real_labels, breeds_of(1, distinct, 1)[0][chosen], np.zeros(drawn, int), 1)
    assert found.collapsed.tolist() == [collapsed]
    assert found.different[0] == pytest.approx(distinct * drawn / (distinct + drawn - 1), rel=0.2)


def test_a_breed_whose_pictures_all_lie_closer_does_not_repeat_itself_for_that():
    real, real_labels = breeds_of(0, 100)
    generated, labels = breeds_of(1, 200)
    centres = np.stack([generated[labels == breed].mean(axis=0) for breed in range(4)])[labels]
    found = collapse(real, real_labels, centres + 0.8 * (generated - centres), labels, 4)
    assert not found.collapsed.any()
    assert found.near_duplicates.mean() < 0.2
    assert (found.different > 100).all()


@pytest.mark.parametrize("drawn", [100, 400])
def test_twenty_pictures_again_and_again_are_a_collapse_once_enough_are_drawn(drawn):
    real, real_labels = breeds_of(0, 150, 1)
    generated = breeds_of(1, 20, 1)[0][np.arange(drawn) % 20]
    assert collapse(real, real_labels, generated, np.zeros(drawn, int), 1).collapsed[0]


def test_a_contracted_breed_has_collapsed_and_a_wider_one_has_not():
    real, real_labels = breeds_of(0, 100)
    generated, labels = breeds_of(1, 60)
    centres = 20 * np.eye(4, 64)[labels] + 3
    scales = np.array([0.5, 0.75, 1.0, 1.5])
    found = collapse(real, real_labels, centres + scales[labels][:, None] * (generated - centres), labels, 4)
    np.testing.assert_allclose(found.ratio.value, scales, rtol=0.05)
    assert found.collapsed[[0, 2, 3]].tolist() == [True, False, False]


def test_a_breed_contracted_too_little_to_make_twins_has_collapsed_all_the_same():
    real, generated = normal(0, 100, 2), normal(1, 60, 2) * 0.5
    found = collapse(real, np.zeros(100, int), generated, np.zeros(60, int), 1)
    assert found.near_duplicates.value[0] < 0.5
    assert found.different[0] > 20
    assert found.collapsed[0]


@pytest.mark.parametrize(("drawn", "collapsed"), [(4, False), (5, True)])
def test_fewer_than_five_pictures_tell_of_no_collapse(drawn, collapsed):
    real, generated = normal(0, 100), normal(1, 1).repeat(drawn, axis=0)
    assert collapse(real, np.zeros(100, int), generated, np.zeros(drawn, int), 1).collapsed.tolist() == [collapsed]


def test_identical_pictures_are_twins_even_where_real_photos_repeat():
    real, real_labels = breeds_of(0, 60, 1)
    real[30:] = real[:30]
    generated = breeds_of(1, 10, 1)[0].repeat(6, axis=0)
    found = collapse(real, real_labels, generated, np.zeros(60, int), 1)
    assert found.near_duplicates.value[0] == 1
    assert found.collapsed[0]


def test_the_ratio_says_how_far_chance_moves_it():
    drawn = [collapse(*breeds_of(2 * s, 20, 1, 5), *breeds_of(2 * s + 1, 15, 1, 5), 1).ratio for s in range(400)]
    result = np.mean([each.standard_error[0] for each in drawn])
    assert result == pytest.approx(np.std([each.value[0] for each in drawn]), rel=0.25)


@pytest.mark.parametrize("distinct", [30, 60, 200])
def test_the_share_of_near_duplicates_says_how_far_chance_moves_it(distinct):
    real, real_labels = breeds_of(0, 100, 1)
    pool, chance, drawn = breeds_of(1, distinct, 1)[0], np.random.default_rng(0), []
    for _ in range(120):
        generated = pool[chance.integers(0, distinct, 60)]
        drawn.append(collapse(real, real_labels, generated, np.zeros(60, int), 1).near_duplicates)
    result = np.mean([each.standard_error[0] for each in drawn])
    assert 0.7 < result / np.std([each.value[0] for each in drawn]) < 1.5


def test_breeds_of_no_one_or_two_pictures_are_never_called_collapsed():
    counts_real, counts = np.array([0, 1, 2, 2, 30, 30, 30, 30]), np.array([30, 30, 30, 0, 0, 1, 2, 30])
    labels_real, labels = np.repeat(np.arange(8), counts_real), np.repeat(np.arange(8), counts)
    found = collapse(normal(0, len(labels_real)), labels_real, normal(1, len(labels)), labels, 9)
    assert not found.collapsed.any()
    assert np.isfinite(found.ratio.value).tolist() == [False, False, True, False, False, False, True, True, False]
    assert np.isfinite(found.near_duplicates.value).tolist() == [False] * 6 + [True, True, False]
    assert collapse(normal(0, 0), labels[:0], normal(1, 0), labels[:0], 2).collapsed.tolist() == [False, False]


def test_the_order_of_rows_changes_nothing():
    (real, real_labels), (generated, labels) = breeds_of(0, 30), breeds_of(1, 20)
    generated[5] = generated[3]
    order = np.random.default_rng(0).permutation(len(labels))
    plain = collapse(real, real_labels, generated, labels, 4)
    mixed = collapse(real[::-1], real_labels[::-1], generated[order], labels[order], 4)
    np.testing.assert_allclose(mixed.ratio.value, plain.ratio.value, rtol=1e-9)
    np.testing.assert_array_equal(mixed.near_duplicates.value, plain.near_duplicates.value)
    np.testing.assert_allclose(mixed.different, plain.different)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(3, int), r"labels must be \(4,\) integers. Received: \(3,\)"),
        (np.zeros(4), "labels must be .* float64"),
        (np.array([0, 1, 2, 0]), r"labels must be in 0..1. Received: 0..2"),
        (np.array([0, 1, -1, 0]), r"labels must be in 0..1. Received: -1..1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        mean_pairwise_distance_per_breed(normal(0, 4), labels, 2)
    with pytest.raises(ValueError, match=message):
        collapse(normal(0, 2), np.zeros(2, int), normal(0, 4), labels, 2)


def test_one_row_has_no_pairs():
    with pytest.raises(ValueError, match=r"n at least 2. Received: \(1, 64\)"):
        mean_pairwise_distance(normal(0, 1))


@pytest.mark.skipif(not PHOTOS.exists(), reason="the photos of tinydogs6 are not here")
def test_real_photos_are_varied_and_one_shifted_a_little_is_not():
    with tarfile.open(PHOTOS) as archive:
        names = sorted(name for name in archive.getnames() if name.endswith((".jpg", ".JPEG")))
        breed = {folder: label for label, folder in enumerate(sorted({name.split("/")[1] for name in names}))}
        photos = [np.asarray(Image.open(archive.extractfile(name)).convert("RGB")) for name in names[::6]]
    labels = np.array([breed[name.split("/")[1]] for name in names[::6]])
    features = np.stack([small(photo) for photo in photos])
    held = np.arange(len(labels)) % 2 == 1
    assert not collapse(features[~held], labels[~held], features[held], labels[held], 6).collapsed.any()
    shifted, chance = [], np.random.default_rng(0)
    for label in np.repeat(range(6), 40):
        photo = photos[np.flatnonzero(labels == label)[1]]
        shifted.append(small(np.roll(photo, chance.integers(-1, 2, 2), (0, 1)) + chance.normal(0, 8, photo.shape)))
    found = collapse(features[~held], labels[~held], np.stack(shifted), np.repeat(range(6), 40), 6)
    assert found.collapsed.all()


def small(photo):
    """A picture's 8×8 block means: crude features that need no network."""
    return photo.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)).ravel()
