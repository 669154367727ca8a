"""The questions: pictures and photos by chance, spread evenly, six breeds to choose from."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from pedigree.blind.questions import PHOTOS, Questions, choose_breeds, common_breeds, compose
from pedigree.common.packed_crops import Crops
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.model import Generator

from .conftest import BREEDS, of_photos


def test_pictures_and_photos_are_spread_evenly_over_the_breeds(questions: Questions) -> None:
    assert Counter(questions.sources) == {"one.keras": 20, PHOTOS: 9}
    for chosen, few in ((of_photos(questions), 1), (~of_photos(questions), 2)):
        counts = np.bincount(questions.labels[chosen], minlength=len(BREEDS))
        assert set(counts) == {few, few + 1}


def test_photos_are_held_out_crops_of_their_breed_each_once(questions: Questions, crops: Crops) -> None:
    held = zip(crops.holdout_images, crops.holdout_labels, strict=True)
    by_pixels = {image.tobytes(): crops.breeds[label] for image, label in held}
    photos = of_photos(questions)
    shown = [image.tobytes() for image in questions.images[photos]]
    assert len(set(shown)) == 9
    assert [by_pixels[image] for image in shown] == [questions.breeds[label] for label in questions.labels[photos]]


def test_pictures_are_the_first_that_the_generator_draws_none_is_left_out(
    questions: Questions, generator: Generator
) -> None:
    drawn = ~of_photos(questions)
    labels = np.sort(questions.labels[drawn])
    own = np.array([generator.breeds.index(BREEDS[label]) for label in labels], np.int32)
    expected = Counter(zip(labels, map(bytes, generator.draw(own, seed=3)), strict=True))
    assert Counter(zip(questions.labels[drawn], map(bytes, questions.images[drawn]), strict=True)) == expected


def test_the_true_breed_is_one_of_six_different_and_its_place_says_nothing(generator: Generator, crops: Crops) -> None:
    many = compose({"one.keras": generator}, crops, BREEDS, 800, 8, seed=0, random=np.random.default_rng(0))
    assert many.choices.shape == (808, 6)
    assert (np.diff(many.choices) > 0).all()
    assert (many.choices == many.labels[:, None]).sum() == 808
    shown = np.bincount(many.choices.ravel(), minlength=8)
    np.testing.assert_allclose(shown, 606, atol=60)  # a breed is no more often shown than others
    photos = of_photos(many)
    assert 200 < np.flatnonzero(photos).mean() < 600, "photos are mixed with pictures"


def test_with_fewer_than_six_breeds_all_are_choices(generator: Generator, crops: Crops) -> None:
    few = compose({"one.keras": generator}, crops, BREEDS[2:5], 4, 3, seed=0, random=np.random.default_rng(0))
    np.testing.assert_array_equal(few.choices, np.tile([0, 1, 2], (7, 1)))


def test_two_models_draw_as_many_pictures_each(generator: Generator, crops: Crops) -> None:
    both = {"a.keras": generator, "b.keras": generator}
    mixed = compose(both, crops, BREEDS, 10, 5, seed=0, random=np.random.default_rng(0))
    assert Counter(mixed.sources) == {"a.keras": 10, "b.keras": 10, PHOTOS: 5}


def test_the_digest_tells_tests_apart_and_does_not_depend_on_the_truth(questions: Questions) -> None:
    truth_swapped = replace(questions, labels=questions.choices[:, 0], sources=questions.sources[::-1])
    assert truth_swapped.digest == questions.digest
    changed = questions.images.copy()
    changed[0, 0, 0, 0] ^= 1
    others = [replace(questions, images=changed), replace(questions, choices=questions.choices[::-1])]
    assert len({questions.digest, *(other.digest for other in others)}) == 3


def test_breeds_must_be_drawn_by_every_model_and_have_held_out_crops(crops: Crops) -> None:
    assert common_breeds(crops, {"a": BREEDS, "b": (*BREEDS[:3], "n80000000-Unknown")}) == sorted(BREEDS[:3])
    with pytest.raises(PedigreeError, match=r"a and b can draw\. Received: 1"):
        common_breeds(crops, {"a": BREEDS[:2], "b": BREEDS[1:]})


def test_breeds_are_chosen_by_the_seed() -> None:
    def chosen(seed: int) -> list[str]:
        return choose_breeds(BREEDS, 3, np.random.default_rng(seed))

    assert chosen(0) == chosen(0)
    assert len({tuple(sorted(chosen(seed))) for seed in range(20)}) > 5
    assert sorted(choose_breeds(BREEDS, 99, np.random.default_rng(0))) == sorted(BREEDS)


def test_too_few_photos_and_another_size_are_refused(generator: Generator, crops: Crops) -> None:
    random = np.random.default_rng(0)
    with pytest.raises(UsageError, match=r"has 6 held-out crops and the test needs 7: lower --photos, which is 56"):
        compose({"one.keras": generator}, crops, BREEDS, 8, 56, 0, random)
    larger = replace(crops, train_images=np.zeros((2, 32, 32, 3), np.uint8))
    with pytest.raises(PedigreeError, match=r"one.keras draws 16 px and the crops have 32 px"):
        compose({"one.keras": generator}, larger, BREEDS, 8, 8, 0, random)
