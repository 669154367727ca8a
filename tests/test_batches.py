"""A step's batch: a function of (seed, step), every photo once an epoch, label noise at the rate asked for."""

import dataclasses

import numpy as np

from pedigree.batches import batch_at
from pedigree.params import Train

IMAGES = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1) + np.zeros((10, 16, 16, 3), np.uint8)
LABELS = (np.arange(10) % 3).astype(np.int32)


def test_a_batch_is_a_function_of_seed_and_step(train_settings: Train) -> None:
    once, again = (batch_at(5, IMAGES, LABELS, train_settings) for _ in range(2))
    later = batch_at(6, IMAGES, LABELS, train_settings)
    other = batch_at(5, IMAGES, LABELS, dataclasses.replace(train_settings, seed=1))
    for name in ("latents", "real_chances", "fake_chances", "drawn_chances"):
        np.testing.assert_array_equal(once[name], again[name])
        assert not np.array_equal(once[name], later[name])
        assert not np.array_equal(once[name], other[name])


def test_every_photo_comes_once_an_epoch_though_batches_do_not_divide_it(train_settings: Train) -> None:
    seen = np.concatenate([batch_at(step, IMAGES, LABELS, train_settings)["images"][:, 0, 0, 0] for step in range(15)])
    epochs = seen.reshape(6, 10)
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_labels_stay_with_their_photos(train_settings: Train) -> None:
    batch = batch_at(3, IMAGES, LABELS, train_settings)
    np.testing.assert_array_equal(batch["labels"], LABELS[batch["images"][:, 0, 0, 0]])
    np.testing.assert_array_equal(batch["drawn_labels"][:4], batch["labels"])


def test_the_training_photos_are_never_written_to(train_settings: Train) -> None:
    images = IMAGES.copy()
    images.setflags(write=False)
    before = images.copy()
    batch_at(0, images, LABELS, dataclasses.replace(train_settings, augment=["flip"]))
    np.testing.assert_array_equal(images, before)


def test_labels_are_softened_and_flipped_at_the_rates_asked_for_on_both_sides(train_settings: Train) -> None:
    noisy = dataclasses.replace(
        train_settings, batch_size=1000, generator_batch_size=1000, flip_targets=0.05, real_targets=[0.9, 1.0]
    )
    batches = [batch_at(step, IMAGES, LABELS, noisy) for step in range(20)]
    real = np.concatenate([batch["real_targets"] for batch in batches])
    fake = np.concatenate([batch["fake_targets"] for batch in batches])
    assert abs((real == 0).mean() - 0.05) < 0.006  # 4 standard errors of 20,000 draws
    assert abs((fake > 0).mean() - 0.05) < 0.006
    assert real[real > 0].min() >= 0.9
    assert abs(real[real > 0].mean() - 0.95) < 0.002
    assert abs(np.corrcoef(real[:, 0] == 0, fake[:, 0] > 0)[0, 1]) < 0.03


def test_the_generators_breeds_follow_the_photos(train_settings: Train) -> None:
    many = dataclasses.replace(train_settings, generator_batch_size=6000)
    drawn = batch_at(0, IMAGES, LABELS, many)["drawn_labels"]
    np.testing.assert_allclose(np.bincount(drawn) / 6000, [0.4, 0.3, 0.3], atol=0.03)
