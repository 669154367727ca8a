"""The choice of the held-out photos."""

import numpy as np
import pytest

from pedigree.crop.holdout import HoldoutCandidate, held_out


def breed(name, photos):
    return [HoldoutCandidate(f"{name}/{number:03}.jpg", name, f"{name} {number}") for number in range(photos)]


@pytest.mark.parametrize(
    ("photos", "share", "expected"),
    [(1, 0.2, 0), (2, 0.2, 1), (2, 0.9, 1), (10, 0.2, 2), (12, 0.2, 2), (13, 0.2, 3), (10, 0.25, 3), (4, 0.99, 3)],
)
def test_each_breed_gives_its_rounded_share_but_never_none_or_all(photos, share, expected):
    candidates = breed("boxer", photos) + breed("pug", photos)
    chosen = held_out(candidates, share, seed=3)
    for name in ("boxer", "pug"):
        assert sum(photo.startswith(name) for photo in chosen) == expected


def test_the_order_of_photos_does_not_matter():
    candidates = breed("boxer", 40) + breed("pug", 30)
    shuffled = [candidates[place] for place in np.random.default_rng(0).permutation(len(candidates))]
    assert held_out(candidates, 0.3, seed=1) == held_out(shuffled, 0.3, seed=1)


def test_another_seed_holds_out_other_photos():
    assert held_out(breed("boxer", 40), 0.5, seed=1) != held_out(breed("boxer", 40), 0.5, seed=2)


def test_held_out_photos_are_spread_over_the_names():
    chosen = sorted(int(photo[-7:-4]) for photo in held_out(breed("boxer", 1000), 0.2, seed=0))
    assert 400 < np.mean(chosen) < 600


def test_adding_photos_of_one_breed_changes_nothing_for_another():
    few, many = (
        held_out(breed("boxer", 30) + breed("pug", photos), 0.2, seed=0) & {boxer.photo for boxer in breed("boxer", 30)}
        for photos in (10, 50)
    )
    assert few == many


@pytest.mark.parametrize("seed", range(30))
def test_photos_of_a_group_are_never_on_both_sides_even_across_breeds(seed):
    random = np.random.default_rng(seed)
    candidates = [
        HoldoutCandidate(f"{name}/{number}.jpg", name, str(random.integers(0, 40)))
        for name in ("boxer", "pug")
        for number in range(30)
    ]
    chosen = held_out(candidates, 0.3, seed)
    sides = {}
    for candidate in candidates:
        sides.setdefault(candidate.group, set()).add(candidate.photo in chosen)
    assert all(len(side) == 1 for side in sides.values())
    for name in ("boxer", "pug"):
        assert 1 <= sum(photo.startswith(name) for photo in chosen) <= 9


def test_no_photo_is_held_out_of_a_breed_that_has_one_photo_and_its_copies():
    candidates = [HoldoutCandidate(f"pug/{number}.jpg", "pug", "same") for number in range(5)]
    assert held_out(candidates, 0.2, seed=0) == frozenset()
