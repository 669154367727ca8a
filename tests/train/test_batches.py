"""The batch of a step: a function of (seed, step), with every photo once per epoch and label noise at a given rate."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from pedigree.backends.batch import Batch, portion
from pedigree.settings.train import Train
from pedigree.train import augmentation
from pedigree.train.augmentation import draws
from pedigree.train.batches import stacked, stream
from pedigree.train.randomness import random_stream

IMAGES = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1) + np.zeros((10, 16, 16, 3), np.uint8)
LABELS = (np.arange(10) % 3).astype(np.int32)
FEATURES = ("features_real_chances", "features_drawn_chances")
RANDOM = ("real_chances", "fake_chances", "mixing", "early_latents", "latents", "drawn_chances", *FEATURES)


@pytest.fixture
def thrice(train_settings: Train) -> Train:
    """Three discriminator steps with four photos each, and six generated images for the generator."""
    return dataclasses.replace(
        train_settings,
        discriminator_steps=3,
        generator_batch_size=6,
        real_targets=[0.7, 1.0],
        augment=["flip", "color", "cutout"],
        features_weight=1.0,
        features_augment=["translation"],
    )


def batch_at(step: int, images: np.ndarray, labels: np.ndarray, train: Train) -> Batch:
    """Make the batch of one step, without the axis of steps."""
    return {name: array[0] for name, array in stacked(range(step, step + 1), images, labels, train).items()}  # type: ignore[return-value]


def pictures_of(batch: Batch) -> np.ndarray:
    return batch["images"][..., 0, 0, 0].ravel()


def equal(one: Any, two: Any) -> bool:
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def test_shapes_follow_from_the_numbers_of_steps_and_images(thrice: Train) -> None:
    batch = batch_at(0, IMAGES, LABELS, thrice)
    assert {name: array.shape for name, array in batch.items()} == {
        "images": (3, 4, 16, 16, 3),
        "labels": (3, 4),
        "real_targets": (3, 4, 1),
        "fake_targets": (3, 4, 1),
        "real_chances": (3, 4, draws(thrice.augment)),
        "fake_chances": (3, 4, draws(thrice.augment)),
        "mixing": (3, 4, 1),
        "early_latents": (2, 4, 8),
        "latents": (6, 8),
        "drawn_labels": (6,),
        "drawn_chances": (6, draws(thrice.augment)),
        "features_real_chances": (3, 4, draws(["translation"])),
        "features_drawn_chances": (6, draws(["translation"])),
        "condition_strength": (),
    }
    kinds = {name: array.dtype.name for name, array in batch.items()}
    assert kinds.pop("images") == "uint8"
    assert kinds.pop("labels") == kinds.pop("drawn_labels") == "int32"
    assert set(kinds.values()) == {"float32"}


def test_a_batch_is_a_function_of_seed_and_step(thrice: Train) -> None:
    once, again = (batch_at(5, IMAGES, LABELS, thrice) for _ in range(2))
    later = batch_at(6, IMAGES, LABELS, thrice)
    other = batch_at(5, IMAGES, LABELS, dataclasses.replace(thrice, seed=1))
    assert equal(once, again)
    for name in RANDOM:
        assert not np.array_equal(once[name], later[name]), name
        assert not np.array_equal(once[name], other[name]), name


def test_no_two_draws_of_a_step_are_the_same(thrice: Train) -> None:
    batch = batch_at(0, IMAGES, LABELS, thrice)
    numbers = np.concatenate([batch[name].ravel() for name in RANDOM])
    assert len(np.unique(numbers)) == len(numbers)


def test_a_new_kind_of_augmentation_changes_no_other_random_number(
    thrice: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = batch_at(5, IMAGES, LABELS, thrice)
    names = list(augmentation.layout(thrice.augment))
    kinds = {"rotation": augmentation.Kind(3, lambda images, numbers, applied: images)} | augmentation.KINDS
    monkeypatch.setattr(augmentation, "KINDS", kinds)
    assert equal(before, batch_at(5, IMAGES, LABELS, thrice)), "switched off"
    on = dataclasses.replace(thrice)
    object.__setattr__(on, "augment", [*thrice.augment, "rotation"])  # the settings do not allow the new kind yet
    after = batch_at(5, IMAGES, LABELS, on)
    for name, array in before.items():
        if name.endswith("_chances") and name not in FEATURES:
            unchanged = [after[name][..., augmentation.layout(on.augment)[kind]] for kind in names]  # type: ignore[literal-required]
            np.testing.assert_array_equal(np.concatenate(unchanged, axis=-1), array)
        else:
            np.testing.assert_array_equal(after[name], array)  # type: ignore[literal-required]


def test_enabling_a_kind_changes_no_other_random_number(thrice: Train) -> None:
    fewer, more = (dataclasses.replace(thrice, augment=kinds) for kinds in ([], ["flip", "translation"]))
    without, with_it = (batch_at(2, IMAGES, LABELS, train) for train in (fewer, more))
    for name in without:
        if not name.endswith("_chances") and name != "images":
            np.testing.assert_array_equal(without[name], with_it[name])  # type: ignore[literal-required]


def test_streams_differ_by_seed_purpose_and_step_and_do_not_overlap() -> None:
    streams = [random_stream(*which).random(10_000) for which in ((0, "a", 0), (0, "a", 1), (0, "b", 0), (1, "a", 0))]
    assert len(np.unique(np.concatenate(streams))) == 40_000
    np.testing.assert_array_equal(random_stream(0, "a", 1).random(10_000), streams[1])


@pytest.mark.parametrize("times", [1, 3])
def test_every_photo_comes_once_per_epoch_even_if_batches_span_epochs(train_settings: Train, times: int) -> None:
    train = dataclasses.replace(train_settings, discriminator_steps=times)
    photos = np.concatenate([pictures_of(batch_at(step, IMAGES, LABELS, train)) for step in range(15)])
    epochs = photos.reshape(-1, 10)
    assert len(epochs) == 6 * times
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_a_batch_may_be_larger_than_an_epoch(train_settings: Train) -> None:
    train = dataclasses.replace(train_settings, batch_size=25, generator_batch_size=25)
    counts = np.bincount(pictures_of(batch_at(0, IMAGES, LABELS, train)), minlength=10)
    assert set(counts) == {2, 3}


def test_labels_match_their_photos_and_the_first_generated_labels_match_the_last_photos(thrice: Train) -> None:
    batch = batch_at(3, IMAGES, LABELS, thrice)
    np.testing.assert_array_equal(batch["labels"].ravel(), LABELS[pictures_of(batch)])
    np.testing.assert_array_equal(batch["drawn_labels"][:4], batch["labels"][-1])


def test_half_of_the_photos_are_mirrored_and_the_others_unchanged(train_settings: Train) -> None:
    photos = np.random.default_rng(0).integers(0, 255, (10, 16, 16, 3), dtype=np.uint8)
    size = {"batch_size": 1000, "generator_batch_size": 1000}
    batch = batch_at(0, photos, LABELS, dataclasses.replace(train_settings, augment=["flip"], **size))
    plain = batch_at(0, photos, LABELS, dataclasses.replace(train_settings, augment=[], **size))
    upright = (batch["images"] == plain["images"]).all(axis=(2, 3, 4))
    mirrored = (batch["images"] == plain["images"][:, :, :, ::-1]).all(axis=(2, 3, 4))
    assert (upright ^ mirrored).all()
    assert abs(mirrored.mean() - 0.5) < 4 * (0.25 / 1000) ** 0.5


def test_photos_can_be_read_from_a_read_only_file(train_settings: Train, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    train = dataclasses.replace(train_settings, augment=["flip"])
    assert equal(batch_at(3, images, LABELS, train), batch_at(3, IMAGES, LABELS, train))
    np.testing.assert_array_equal(images, IMAGES)


def test_real_and_fake_labels_are_soft_and_flipped_at_the_given_rates(train_settings: Train) -> None:
    noisy = dataclasses.replace(
        train_settings,
        batch_size=500,
        generator_batch_size=500,
        discriminator_steps=2,
        real_targets=[0.75, 1.0],
        fake_targets=[0.0, 0.25],
        real_flips=0.05,
        fake_flips=0.2,
    )
    batches = [batch_at(step, IMAGES, LABELS, noisy) for step in range(20)]
    real, fake = (
        np.concatenate([batch[side].ravel() for batch in batches]) for side in ("real_targets", "fake_targets")
    )
    flipped_real, flipped_fake = real < 0.5, fake > 0.5
    for flipped, rate in ((flipped_real, 0.05), (flipped_fake, 0.2)):
        assert abs(flipped.mean() - rate) < 4 * (rate * (1 - rate) / 20_000) ** 0.5
    assert abs(np.corrcoef(flipped_real, flipped_fake)[0, 1]) < 4 / 20_000**0.5
    for high in (real[~flipped_real], fake[flipped_fake]):
        assert 0.75 <= high.min() < 0.755
        assert 0.995 < high.max() <= 1
        assert abs(high.mean() - 0.875) < 4 * 0.25 / (12 * len(high)) ** 0.5
    for low in (real[flipped_real], fake[~flipped_fake]):
        assert 0 <= low.min() < 0.005
        assert 0.245 < low.max() <= 0.25
        assert abs(low.mean() - 0.125) < 4 * 0.25 / (12 * len(low)) ** 0.5


def test_labels_are_hard_and_correct_by_default(train_settings: Train) -> None:
    batch = batch_at(0, IMAGES, LABELS, train_settings)
    assert (batch["real_targets"] == 1).all()
    assert (batch["fake_targets"] == 0).all()


def test_generated_breeds_have_the_frequencies_of_the_photos(train_settings: Train) -> None:
    many = dataclasses.replace(train_settings, generator_batch_size=6000)
    drawn = batch_at(0, IMAGES, LABELS, many)["drawn_labels"]
    np.testing.assert_allclose(np.bincount(drawn) / 6000, [0.4, 0.3, 0.3], atol=0.03)


@pytest.mark.parametrize(("prior", "deviation", "reach"), [("normal", 1.0, 7.0), ("uniform", 3**-0.5, 1.0)])
def test_latents_have_the_given_prior(train_settings: Train, prior: str, deviation: float, reach: float) -> None:
    wide = dataclasses.replace(
        train_settings, latent=prior, latent_size=2500, generator_batch_size=8, discriminator_steps=3
    )
    batch = batch_at(0, IMAGES, LABELS, wide)
    for latents in (batch["latents"], batch["early_latents"]):  # 20,000 numbers each
        assert abs(latents.mean()) < 4 * deviation / 20_000**0.5
        assert abs(latents.std() - deviation) < 0.02
        assert deviation < np.abs(latents).max() <= reach


def test_the_condition_ramp_follows_the_number_of_photos(train_settings: Train) -> None:
    ramp = dataclasses.replace(train_settings, discriminator_steps=2, condition_ramp=[16, 48])  # 8 photos a step
    strengths = [float(batch_at(step, IMAGES, LABELS, ramp)["condition_strength"]) for step in range(9)]
    assert strengths == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1]


@pytest.mark.parametrize(("ramp", "strengths"), [([0, 0], [1, 1, 1]), ([4, 4], [0, 1, 1])])
def test_a_ramp_of_length_zero_is_a_switch(train_settings: Train, ramp: list[int], strengths: list[int]) -> None:
    train = dataclasses.replace(train_settings, condition_ramp=ramp)
    assert [float(batch_at(step, IMAGES, LABELS, train)["condition_strength"]) for step in range(3)] == strengths


def test_a_stacked_batch_holds_the_batches_of_its_steps(thrice: Train) -> None:
    stack = stacked(range(4, 9), IMAGES, LABELS, thrice)
    for row, step in enumerate(range(4, 9)):
        assert equal({name: array[row] for name, array in stack.items()}, batch_at(step, IMAGES, LABELS, thrice))


def test_the_portions_of_all_devices_are_the_whole_batch(train_settings: Train) -> None:
    features = {"features_weight": 1.0, "features_augment": ["color"]}
    train = dataclasses.replace(train_settings, discriminator_steps=2, batch_size=6, generator_batch_size=9, **features)
    stack = stacked(range(2), IMAGES, LABELS, train)
    parts = [portion(stack, index, 3) for index in range(3)]
    for name, whole in stack.items():
        arrays: Any = [part[name] for part in parts]  # type: ignore[literal-required]
        if name == "condition_strength":
            assert all(np.array_equal(array, whole) for array in arrays)
        elif name in ("latents", "drawn_labels", "drawn_chances", "features_drawn_chances"):
            first = np.concatenate([array[:, :2] for array in arrays], axis=1)
            rest = np.concatenate([array[:, 2:] for array in arrays], axis=1)
            np.testing.assert_array_equal(np.concatenate([first, rest], axis=1), whole)
        else:
            np.testing.assert_array_equal(np.concatenate(arrays, axis=2), whole)
    for part in parts:
        np.testing.assert_array_equal(part["drawn_labels"][:, :2], part["labels"][:, -1])


@pytest.mark.parametrize(("real", "drawn"), [(5, 6), (4, 7)])
def test_a_batch_that_cannot_be_split_equally_is_refused(train_settings: Train, real: int, drawn: int) -> None:
    train = dataclasses.replace(train_settings, batch_size=real, generator_batch_size=drawn)
    with pytest.raises(ValueError, match=f"{real} real and {drawn} generated images .* 2 devices"):
        portion(stacked(range(1), IMAGES, LABELS, train), 0, 2)


CALLS = [range(0, 3), range(3, 6), range(6, 7)]


def maker(train: Train, images: Any = IMAGES, labels: Any = LABELS) -> Callable[[range], Batch]:
    """Return the function that makes the batch of some steps."""
    return lambda steps: stacked(steps, images, labels, train)


def test_a_stream_yields_the_batch_of_every_call(thrice: Train) -> None:
    streamed = list(stream(CALLS, maker(thrice)))
    assert len(streamed) == 3
    for batch, steps in zip(streamed, CALLS, strict=True):
        assert equal(batch, stacked(steps, IMAGES, LABELS, thrice))


class BlockingPhotos(np.ndarray):
    """Photos that record which thread reads them. From the second time on, reading waits for the caller's work."""

    makers: ClassVar[list[threading.Thread]] = []
    work_done = threading.Event()

    def take(self, *args: Any, **options: Any) -> Any:
        """Record the thread, wait, and take."""
        self.makers.append(threading.current_thread())
        if len(self.makers) > 1 and not self.work_done.wait(timeout=10):
            raise TimeoutError
        return super().take(*args, **options)


def test_the_next_batch_is_made_in_a_thread_while_the_caller_works(train_settings: Train) -> None:
    batches = stream([range(1), range(1, 2)], maker(train_settings, IMAGES.view(BlockingPhotos)))
    next(batches)
    BlockingPhotos.work_done.set()
    next(batches)
    assert len(BlockingPhotos.makers) == 2
    assert threading.current_thread() not in BlockingPhotos.makers


def test_a_stream_is_never_more_than_one_call_ahead(train_settings: Train) -> None:
    requested: list[range] = []

    def calls() -> Iterator[range]:
        for steps in CALLS * 3:
            requested.append(steps)
            yield steps

    for place, _ in enumerate(stream(calls(), maker(train_settings)), start=1):
        assert len(requested) == min(place + 1, 9)


def test_a_stream_closed_early_leaves_no_thread(train_settings: Train) -> None:
    before = threading.active_count()
    batches = stream(CALLS, maker(train_settings))
    next(batches)
    assert threading.active_count() == before + 1
    batches.close()
    assert threading.active_count() == before


def test_an_error_in_the_thread_is_raised_by_the_stream(train_settings: Train) -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        next(stream(CALLS, maker(train_settings, labels=LABELS[:2])))
