"""The input of training steps, as a function of `(seed, step)`: photos, latents, label noise and random numbers.

A run therefore resumes exactly, and its input depends neither on the number of workers nor on the backend.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import product
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from pedigree.backends.batch import Batch, Floats, Images, Labels
from pedigree.settings.train import Train
from pedigree.train.augmentation import draws, layout
from pedigree.train.randomness import random_stream

T = TypeVar("T")


def stacked(steps: range, images: Images, labels: Labels, train: Train) -> Batch:
    """Return one batch for several steps, in which the first axis of every array is the step.

    Args:
        steps: the numbers of the steps.
        images: all training photos, uint8 `(photos, size, size, 3)`.
        labels: their breeds, int32 `(photos,)`.
        train: the settings.
    """
    batch = _empty(len(steps), images.shape[1:], train)
    for row, step in enumerate(steps):
        views = {name: array[row, ...] for name, array in cast(dict[str, Any], batch).items()}
        _fill(cast(Batch, views), step, images, labels, train)
    return batch


def stream(calls: Iterable[range], make: Callable[[range], T]) -> Generator[T, None, None]:
    """Yield the batch of each call, while a thread prepares the next one.

    An error in the thread is raised here. `close()` ends the thread after its current batch.

    Args:
        calls: the steps of each call.
        make: returns the batch of some steps.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
        ready: Future[T] | None = None
        for steps in calls:
            following = thread.submit(make, steps)
            if ready:
                yield ready.result()
            ready = following
        if ready:
            yield ready.result()


def _empty(steps: int, picture: tuple[int, ...], train: Train) -> Batch:
    """Allocate a batch for several steps."""
    times, real, drawn = train.discriminator_steps, train.batch_size, train.generator_batch_size

    def floats(*shape: int) -> Floats:
        return np.empty((steps, *shape), np.float32)

    return {
        "images": np.empty((steps, times, real, *picture), np.uint8),
        "labels": np.empty((steps, times, real), np.int32),
        "real_targets": floats(times, real, 1),
        "fake_targets": floats(times, real, 1),
        "real_chances": floats(times, real, draws(train.augment)),
        "fake_chances": floats(times, real, draws(train.augment)),
        "mixing": floats(times, real, 1),
        "early_latents": floats(times - 1, real, train.latent_size),
        "latents": floats(drawn, train.latent_size),
        "drawn_labels": np.empty((steps, drawn), np.int32),
        "drawn_chances": floats(drawn, draws(train.augment)),
        "features_real_chances": floats(times, real, draws(features_augment(train))),
        "features_drawn_chances": floats(drawn, draws(features_augment(train))),
        "condition_strength": floats(),
    }


def _fill(batch: Batch, step: int, images: Images, labels: Labels, train: Train) -> None:
    """Write the input of one step into `batch`. Each array has its own random stream."""

    def random(purpose: str) -> np.random.Generator:
        return random_stream(train.seed, purpose, step)

    shape = train.discriminator_steps, train.batch_size
    chosen = shuffled(step, shape[0] * shape[1], len(images), train.seed).reshape(shape)
    np.take(images, chosen, axis=0, out=batch["images"], mode="clip")  # other modes copy through a buffer
    if "flip" in train.augment:
        flip(batch["images"], random("flip"))
    batch["labels"][...] = labels[chosen]
    sides = train.real_targets, train.fake_targets
    batch["real_targets"][...] = _targets(random("real_targets"), train.real_flips, *sides, shape)
    batch["fake_targets"][...] = _targets(random("fake_targets"), train.fake_flips, *sides[::-1], shape)
    for kinds, names in (
        (train.augment, ("real_chances", "fake_chances", "drawn_chances")),
        (features_augment(train), ("features_real_chances", "features_drawn_chances")),
    ):
        for (kind, columns), name in product(layout(kinds).items(), names):
            chances: Floats = batch[name]  # type: ignore[literal-required]
            chances[..., columns] = random(f"{name} {kind}").random(chances[..., columns].shape, np.float32)
    random("mixing").random(dtype=np.float32, out=batch["mixing"])
    _draw_latents(batch["early_latents"], random("early_latents"), train)
    _draw_latents(batch["latents"], random("latents"), train)
    rest = random("drawn_labels").choice(labels, train.generator_batch_size - train.batch_size)
    batch["drawn_labels"][...] = np.concatenate([labels[chosen[-1]], rest])
    batch["condition_strength"][...] = _condition_strength(step, train)


def features_augment(train: Train) -> Sequence[str]:
    """Return the kinds of augmentation before the pretrained network: none without it."""
    return train.features_augment if train.features_weight else ()


def _targets(
    random: np.random.Generator, flips: float, own: list[float], other: list[float], shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Draw soft labels `(*shape, 1)` between the bounds `own`, and a share `flips` of them between `other`."""
    flipped, share_of_other, share_of_own = random.random((3, *shape, 1))
    return np.where(flipped < flips, _between(other, share_of_other), _between(own, share_of_own))


def _between(bounds: list[float], share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return bounds[0] + (bounds[1] - bounds[0]) * share


def flip(images: Images, random: np.random.Generator) -> None:
    """Mirror each image of `(D, n, size, size, 3)` in place with probability 0.5."""
    mirrored = random.random(images.shape[:2]) < 0.5
    columns = np.arange(images.shape[-2])[::-1]
    images[mirrored] = np.take(images[mirrored], columns, axis=2)  # copies whole pixels; a reversed slice copies bytes


def _draw_latents(output: Floats, random: np.random.Generator, train: Train) -> None:
    if train.latent == "normal":
        random.standard_normal(dtype=np.float32, out=output)
    else:
        random.random(dtype=np.float32, out=output)
        output *= 2
        output -= 1


def _condition_strength(step: int, train: Train) -> float:
    """Return the weight of the breed at this step, in [0, 1] (Shahbazi et al., "Collapse by Conditioning", 2022)."""
    start, end = train.condition_ramp
    shown = step * train.discriminator_steps * train.batch_size
    if start < shown < end:
        return (shown - start) / (end - start)
    return float(shown >= end)


def shuffled(step: int, count: int, total: int, seed: int, purpose: str = "order") -> npt.NDArray[np.int64]:
    """Return the indices `(count,)` of a step's photos. Every epoch shuffles all `total`; a step may span epochs."""
    epochs, within = np.divmod(np.arange(step * count, (step + 1) * count), total)
    chosen = np.empty(count, np.int64)
    for epoch in range(epochs[0], epochs[-1] + 1):
        in_epoch = epochs == epoch
        chosen[in_epoch] = _epoch(seed, purpose, epoch, total)[within[in_epoch]]
    return chosen


@lru_cache(maxsize=4)
def _epoch(seed: int, purpose: str, epoch: int, total: int) -> npt.NDArray[np.int64]:
    return random_stream(seed, purpose, epoch).permutation(total)
