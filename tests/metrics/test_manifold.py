"""Precision, recall, density and coverage: the definition to the last picture, its symmetries, and honest errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc import compute_prdc
from scipy.spatial.distance import cdist

from pedigree.metrics.manifold import overlap, overlaps, precision_recall_density_coverage


def normal(seed, shape, mean=0.0, deviation=1.0):
    return np.random.default_rng(seed).normal(mean, deviation, shape)


def by_definition(real, generated, neighbors):
    """Counts of real balls, generated balls and pictures inside, from all distances by differences in float64."""
    real, generated = np.float64(real), np.float64(generated)
    real_radius = np.sort(cdist(real, real), axis=1)[:, neighbors]
    generated_radius = np.sort(cdist(generated, generated), axis=1)[:, neighbors]
    apart = cdist(real, generated)
    in_real = apart < real_radius[:, None]
    return in_real.sum(axis=0), (apart < generated_radius).sum(axis=1), in_real.sum(axis=1)


def counts(found):
    return found.real_balls, found.generated_balls, found.generated_inside


def pooled(seed, rows, dimension=48):
    """Features as a network's pooled ones: none negative, many near 0, the same heavy mean for all, correlated."""
    mean = np.random.default_rng(9).gamma(0.5, 1.0, dimension)
    return np.maximum(normal(seed, (rows, 6)) @ normal(8, (6, dimension)) * 0.3 + mean, 0) + 0.01 * mean


BASE, OTHER = normal(0, (500, 24)), normal(1, (350, 24), 0.1, 0.9)
SAMPLES = {
    "normal": (BASE, OTHER),
    "one dimension": (BASE[:, :1], OTHER[:, :1]),
    "constant columns": (BASE * (np.arange(24) % 3 > 0), OTHER * (np.arange(24) % 3 > 0)),
    "rank 3 of 24": (BASE[:, :3] @ BASE[:3], OTHER[:, :3] @ BASE[:3]),
    "fewer rows than dimensions": (normal(0, (20, 300)), normal(1, (15, 300))),
    "pooled": (pooled(0, 500), pooled(1, 350)),
}
TIED = {
    "all equal": (np.ones((60, 8)), np.ones((40, 8))),
    "all equal off any grid": (np.full((60, 8), 0.1), np.full((40, 8), 0.1)),
    "the same set": (BASE, BASE),
    "copies of half": (BASE, BASE[::2]),
    "each twice": (BASE[:250].repeat(2, axis=0), OTHER),
    "each oftener than k": (BASE[:60].repeat(8, axis=0), OTHER),
    "a grid": (np.indices((7, 7)).reshape(2, -1).T, np.indices((5, 9)).reshape(2, -1).T),
    "collapsed onto one": (BASE, np.tile(BASE[:1], (350, 1))),
    "collapsed but for rounding": (BASE, BASE[:1] + 1e-7 * OTHER),
    "collapsed onto ten": (BASE, BASE[:10].repeat(35, axis=0) + 1e-5 * OTHER),
    "all within 1e-8": (BASE[:1] + 1e-8 * BASE, BASE[:1] + 1e-8 * OTHER),
    "one far away": (np.vstack([BASE, 1e9 * BASE[:1]]), OTHER),
    "all at the centre": (BASE, 0.01 * OTHER),
}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("neighbors", [1, 5])
@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_the_definition_and_what_prdc_computes(name, neighbors, kind):
    real, generated = (sample.astype(kind) for sample in SAMPLES[name])
    found = overlap(real, generated, neighbors=neighbors)
    for mine, expected in zip(counts(found), by_definition(real, generated, neighbors), strict=True):
        np.testing.assert_array_equal(mine, expected)
    reference = compute_prdc(real, generated, neighbors)
    for name, value in reference.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", TIED)
def test_ties_and_near_ties_are_decided_as_by_differences_in_float64(name, kind):
    """prdc is no reference here: by |x|² + |y|² − 2xy equal features come out 1e-7 apart, so balls gain and lose."""
    real, generated = (sample.astype(kind) for sample in TIED[name])
    for block in (1024, 50):
        found = overlap(real, generated, block=block)
        for mine, expected in zip(counts(found), by_definition(real, generated, 5), strict=True):
            np.testing.assert_array_equal(mine, expected)


def test_prdc_itself_errs_on_duplicates():
    real = np.tile(pooled(0, 40), (7, 1))  # each seven times: the fifth neighbour is at 0, an open ball of 0 is empty
    assert precision_recall_density_coverage(real, real) == (0, 0, 0, 0)
    assert compute_prdc(real, real, 5)["density"] > 0


@pytest.mark.parametrize("scale", [1e-25, 1e-3, 1e15])
def test_units_do_not_matter_even_where_squares_would_leave_float32(scale):
    one, other = BASE.astype(np.float32), OTHER.astype(np.float32)
    found = overlap(one * np.float32(scale), other * np.float32(scale))
    for mine, expected in zip(counts(found), counts(overlap(one, other)), strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_several_samples_have_the_same_numbers_together_as_alone():
    samples = [OTHER, BASE[:40] + 0.1, 1e6 * OTHER]
    for found, generated in zip(overlaps(BASE, samples), samples, strict=True):
        for mine, expected in zip(counts(found), counts(overlap(BASE, generated)), strict=True):
            np.testing.assert_array_equal(mine, expected)
        alone = overlap(BASE, generated)
        assert found.precision.standard_error == pytest.approx(alone.precision.standard_error, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 40), st.sampled_from([7, 32, 1024]))
def test_rotation_shift_scale_order_and_blocks_change_nothing(seed, neighbors, dimension, block):
    real, generated = normal(seed, (60, dimension)), normal(seed + 1, (45, dimension), 0.2, 0.9)
    chance = np.random.default_rng(seed)
    rotation, order = np.linalg.qr(chance.normal(size=(dimension, dimension)))[0], chance.permutation(60)
    found = overlap(real, generated, neighbors=neighbors)
    moved = overlap((3 * real @ rotation + 7)[order], 3 * generated @ rotation + 7, neighbors=neighbors, block=block)
    np.testing.assert_array_equal(moved.real_balls, found.real_balls)
    np.testing.assert_array_equal(moved.generated_balls, found.generated_balls[order])
    np.testing.assert_array_equal(moved.generated_inside, found.generated_inside[order])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_precision_and_recall_change_places_with_the_samples_and_shares_are_shares(seed):
    real, generated = normal(seed, (70, 6)), normal(seed + 1, (50, 6), 0.5)
    there, back = precision_recall_density_coverage(real, generated), precision_recall_density_coverage(generated, real)
    assert (there.precision, there.recall) == (back.recall, back.precision)
    assert all(0 <= share <= 1 for share in (there.precision, there.recall, there.coverage))
    assert there.density >= there.precision / 5


def test_standard_errors_do_not_depend_on_the_order_of_the_rows():
    found, turned = overlap(BASE, OTHER), overlap(BASE[::-1], OTHER[::-1])
    for name in ("precision", "recall", "density", "coverage"):
        expected = getattr(found, name).standard_error
        assert getattr(turned, name).standard_error == pytest.approx(expected, rel=1e-6)


def test_equal_sets_are_covered_whole():
    found = overlap(BASE, BASE[::-1])
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    assert found.density == pytest.approx(1)  # itself and the four that are nearer than the fifth


def test_samples_far_apart_share_nothing():
    found = overlap(BASE, OTHER + 100)
    assert (found.precision, found.recall, found.density, found.coverage) == (0, 0, 0, 0)
    assert not found.realistic.any()
    assert not found.covered.any()


def test_the_views_name_the_pictures_that_were_counted():
    generated = np.vstack([OTHER[:20] * 0.2, OTHER[:5] + 100])
    found = overlap(BASE, generated)
    np.testing.assert_array_equal(found.realistic, [True] * 20 + [False] * 5)
    assert found.coverage == found.covered.mean()


@pytest.mark.parametrize(
    ("dimension", "shift", "deviation", "rows"), [(16, 1.0, 0.8, (300, 150)), (64, 0.0, 1.0, (200, 200))]
)
def test_standard_errors_are_the_spread_over_samples_drawn_anew(dimension, shift, deviation, rows):
    """Within a quarter, of which 7 % are for the 100 draws. (In 2 dimensions, precision's is a third too large.)"""
    chance, drawn = np.random.default_rng(5), []
    for _ in range(100):
        real = chance.normal(size=(rows[0], dimension))
        generated = chance.normal(size=(rows[1], dimension)) * deviation + shift / np.sqrt(dimension)
        drawn.append(precision_recall_density_coverage(real, generated))
    stated = np.mean([[number.standard_error for number in four] for four in drawn], axis=0)
    np.testing.assert_allclose(stated, np.std(np.array(drawn), axis=0), rtol=0.25)


def test_standard_errors_of_crowded_balls_are_counted_alike_whichever_way_is_quicker(monkeypatch):
    expected = overlap(BASE, 0.3 * OTHER).halves
    for crowded in (0.0, 1.0):
        monkeypatch.setattr("pedigree.metrics.manifold._CROWDED", crowded)
        np.testing.assert_array_equal(overlap(BASE, 0.3 * OTHER).halves, expected)


@pytest.mark.parametrize(
    ("real", "generated", "neighbors", "message"),
    [
        (BASE, OTHER, 0, "neighbors must be at least 1. Received: 0"),
        (BASE[:5], OTHER, 5, r"real must be .* at least 6\. Received: \(5, 24\)"),
        (BASE, OTHER[:3], 3, r"generated must be .* at least 4\. Received: \(3, 24\)"),
        (BASE, OTHER[:, 1:], 5, r"same dimension\. Received: real \(500, 24\), generated \(350, 23\)"),
        (BASE, np.full((9, 24), np.nan), 5, "generated must be finite. Received: 216"),
    ],
)
def test_what_is_no_pair_of_samples_is_refused(real, generated, neighbors, message):
    with pytest.raises(ValueError, match=message):
        precision_recall_density_coverage(real, generated, neighbors=neighbors)
