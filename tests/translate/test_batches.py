"""The batch of a step: a function of (seed, step), every photo once per epoch, and the rules of the pool."""

import dataclasses

import numpy as np

from pedigree.common.packed_crops import Crops
from pedigree.settings.translate import Translate
from pedigree.train.randomness import random_stream
from pedigree.translate.batches import pool_places, stacked


def test_an_epoch_shows_every_photo_of_each_breed_once(settings: Translate, pair: Crops) -> None:
    plain = dataclasses.replace(settings, augment=[])
    images = stacked(range(3), pair, plain)["images"]  # two photos of six in each step
    assert images.shape == (3, 2, 2, 16, 16, 3)
    for breed in (0, 1):
        shown = {image.tobytes() for image in images[:, breed].reshape(6, -1)}
        assert shown == {image.tobytes() for image in pair.train_images[pair.train_labels == breed]}


def test_a_batch_depends_on_its_steps_alone(settings: Translate, pair: Crops) -> None:
    together, alone = stacked(range(5, 8), pair, settings), stacked(range(6, 7), pair, settings)
    for name, array in alone.items():
        np.testing.assert_array_equal(array[0], together[name][1])
    other = stacked(range(6, 7), pair, dataclasses.replace(settings, seed=1))
    assert not np.array_equal(other["images"], alone["images"])


def test_flips_mirror_about_half_of_the_photos(settings: Translate, pair: Crops) -> None:
    plain = stacked(range(30), pair, dataclasses.replace(settings, augment=[]))["images"]
    flipped = stacked(range(30), pair, settings)["images"]
    mirrored = (flipped == plain[..., ::-1, :]).all(axis=(3, 4, 5))
    assert ((flipped == plain).all(axis=(3, 4, 5)) | mirrored).all()
    assert 0.3 < mirrored.mean() < 0.7


def test_the_pool_is_filled_first_and_then_half_of_the_translations_are_exchanged() -> None:
    filled, exchanged = [], 0
    for step in range(400):
        slots, stored, returned = pool_places(step, 3, 10, random_stream(0, "pool", step))
        assert len(set(slots.tolist())) == 3
        new = step * 3 + np.arange(3) < 10
        filled += slots[new].tolist()
        assert stored[new].all()
        assert not returned[new].any()
        np.testing.assert_array_equal(stored[~new], returned[~new])
        exchanged += int(returned.sum())
    assert filled == list(range(10))
    assert 0.45 < exchanged / (400 * 3 - 10) < 0.55


def test_without_a_pool_nothing_is_stored() -> None:
    _, stored, returned = pool_places(7, 3, 0, random_stream(0, "pool", 7))
    assert not (stored | returned).any()
