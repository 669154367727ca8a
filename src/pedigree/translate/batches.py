"""The input of training steps, as a function of `(seed, step)`: photos of both breeds, and places in the pools."""

import numpy as np
from numpy.typing import NDArray

from pedigree.common.packed_crops import Crops
from pedigree.settings.translate import Translate
from pedigree.train.batches import flip, shuffled
from pedigree.train.randomness import random_stream

Batch = dict[str, NDArray[np.generic]]


def stacked(steps: range, pair: Crops, settings: Translate) -> Batch:
    """Return the input of several steps. The first axis of every array is the step, the second the breed.

    Returns:
        `images`: n photos of each breed, uint8 `(steps, 2, n, size, size, 3)`; and for the translations to each breed,
        as `pool_places` returns them, `slots` `(steps, 2, n)` int32, `stored` and `returned`
        `(steps, 2, n, 1, 1, 1)` bool.
    """
    batches = [_batch(step, pair, settings) for step in steps]
    return {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}


def _batch(step: int, pair: Crops, settings: Translate) -> Batch:
    images = pair.train_images[np.stack([_photos(step, breed, pair, settings) for breed in (0, 1)])]
    if "flip" in settings.augment:
        flip(images, random_stream(settings.seed, "flip", step))
    places = [
        pool_places(step, settings.batch_size, settings.pool_size, random_stream(settings.seed, f"pool {breed}", step))
        for breed in (0, 1)
    ]
    slots, stored, returned = (np.stack(each) for each in zip(*places, strict=True))
    return {"images": images, "slots": slots, "stored": _column(stored), "returned": _column(returned)}


def _photos(step: int, breed: int, pair: Crops, settings: Translate) -> NDArray[np.intp]:
    """Return the indices `(n,)` of a step's photos of a breed."""
    photos = np.flatnonzero(pair.train_labels == breed)
    return photos[shuffled(step, settings.batch_size, len(photos), settings.seed, f"order {breed}")]


def pool_places(
    step: int, count: int, size: int, random: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Decide what happens to the translations of a step in a pool (Shrivastava et al., 2017, section 2.3).

    The first `size` translations fill the pool, and the discriminator sees them. After that, with a probability of one
    half, the discriminator sees an earlier translation from the pool, which the new one replaces.

    Args:
        step: number of the step.
        count: translations per step.
        size: pictures in the pool; at least `count`, or 0.
        random: the random numbers of the step.

    Returns:
        For each translation `(count,)`: a slot of the pool, different for all; whether it is stored there; and whether
        the picture that was there is returned in its place.
    """
    if not size:
        return np.zeros(count, np.int32), np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    number = np.arange(step * count, (step + 1) * count)
    filling = number < size
    free = np.setdiff1d(np.arange(size), number[filling])
    slots = np.where(filling, number, 0)
    slots[~filling] = random.choice(free, int((~filling).sum()), replace=False)
    swapped = ~filling & (random.random(count) < 0.5)
    return np.asarray(slots, np.int32), filling | swapped, swapped


def _column(values: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return `(…, n)` as `(…, n, 1, 1, 1)`, to choose among pictures."""
    return values[..., None, None, None]
