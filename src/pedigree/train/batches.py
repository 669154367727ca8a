"""What a training step sees, as a function of `(seed, step)`: pictures in their order, noise, label noise, chance.

So an interrupted run resumes where it was, worker counts and backends change nothing, and a step can be repeated.
"""

from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from pedigree.backends.batch import Batch, Floats, Images, Labels
from pedigree.settings.train import Train
from pedigree.train.augmentation import DRAWS

_EPOCHS = 2**63  # where the random streams of epochs begin; those of steps lie below


def batch_at(step: int, images: Images, labels: Labels, train: Train) -> Batch:
    """Make the batch of one step from all training `images` `(total, size, size, 3)` and `labels` `(total,)`."""
    return _mapped(lambda array: array[0, ...], stacked(range(step, step + 1), images, labels, train))


def stacked(steps: range, images: Images, labels: Labels, train: Train) -> Batch:
    """Make the batches of several steps as one: every array with an axis `len(steps)` long in front."""
    batch = _empty(len(steps), images.shape[1:], train)
    for row, step in enumerate(steps):
        _fill(_mapped(lambda array, row=row: array[row, ...], batch), step, images, labels, train)
    return batch


def stream(calls: Iterable[range], images: Images, labels: Labels, train: Train) -> Generator[Batch, None, None]:
    """Yield `stacked` of each of `calls`, while the next one is made in a thread; never more than one ahead.

    What goes wrong in the thread is raised here. `close()` ends the thread, once it has made what it is making.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
        ready: Future[Batch] | None = None
        for steps in calls:
            coming = thread.submit(stacked, steps, images, labels, train)
            if ready:
                yield ready.result()
            ready = coming
        if ready:
            yield ready.result()


def _mapped(change: Any, batch: Batch) -> Batch:
    return cast(Batch, {name: change(array) for name, array in batch.items()})


def _empty(steps: int, picture: tuple[int, ...], train: Train) -> Batch:
    """Room for the batches of so many steps."""
    times, real, drawn = train.discriminator_steps, train.batch_size, train.generator_batch_size

    def floats(*shape: int) -> Floats:
        return np.empty((steps, *shape), np.float32)

    return {
        "images": np.empty((steps, times, real, *picture), np.uint8),
        "labels": np.empty((steps, times, real), np.int32),
        "real_targets": floats(times, real, 1),
        "fake_targets": floats(times, real, 1),
        "real_chances": floats(times, real, DRAWS),
        "fake_chances": floats(times, real, DRAWS),
        "mixing": floats(times, real, 1),
        "early_latents": floats(times - 1, real, train.latent_size),
        "latents": floats(drawn, train.latent_size),
        "drawn_labels": np.empty((steps, drawn), np.int32),
        "drawn_chances": floats(drawn, DRAWS),
        "condition_strength": floats(),
    }


def _fill(batch: Batch, step: int, images: Images, labels: Labels, train: Train) -> None:
    """Write one step's input into `batch`."""
    chance = _generator(train.seed, step)
    chosen = _order(step, len(images), train)
    _take_photos(images, chosen, chance if "flip" in train.augment else None, batch["images"])
    batch["labels"][...] = labels[chosen]
    sides = (train.real_targets, train.fake_targets)
    batch["real_targets"][...] = _targets(chance, train.real_flips, *sides, batch["labels"].shape)
    batch["fake_targets"][...] = _targets(chance, train.fake_flips, *sides[::-1], batch["labels"].shape)
    for uniform in (batch["real_chances"], batch["fake_chances"], batch["mixing"], batch["drawn_chances"]):
        chance.random(dtype=np.float32, out=uniform)
    for latents in (batch["early_latents"], batch["latents"]):
        _draw_latents(latents, chance, train)
    rest = train.generator_batch_size - train.batch_size
    batch["drawn_labels"][...] = np.concatenate([labels[chosen[-1]], chance.choice(labels, rest)])
    batch["condition_strength"][...] = _condition_strength(step, train)


def _targets(
    chance: np.random.Generator, flips: float, own: list[float], other: list[float], shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Draw soft labels `(*shape, 1)` between the `own` side's bounds, a share `flips` of them between the `other`'s."""
    flipped, there, here = chance.random((3, *shape, 1))
    return np.where(flipped < flips, _between(other, there), _between(own, here))


def _between(bounds: list[float], share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return bounds[0] + (bounds[1] - bounds[0]) * share


def _take_photos(
    images: Images, chosen: npt.NDArray[np.int64], mirror: np.random.Generator | None, into: Images
) -> None:
    np.take(images, chosen, axis=0, out=into, mode="clip")  # the mode that writes without a buffer
    if mirror:
        mirrored = mirror.random(chosen.shape) < 0.5
        columns = np.arange(into.shape[-2])[::-1]
        into[mirrored] = np.take(into[mirrored], columns, axis=2)  # whole pixels; a reversed slice goes byte by byte


def _draw_latents(into: Floats, chance: np.random.Generator, train: Train) -> None:
    if train.latent == "normal":
        chance.standard_normal(dtype=np.float32, out=into)
    else:
        chance.random(dtype=np.float32, out=into)
        into *= 2
        into -= 1


def _condition_strength(step: int, train: Train) -> float:
    """How much the breed counts (Shahbazi et al., "Collapse by Conditioning", 2022), by the photos shown before."""
    start, end = train.condition_ramp
    shown = step * train.discriminator_steps * train.batch_size
    if start < shown < end:
        return (shown - start) / (end - start)
    return float(shown >= end)


def _order(step: int, total: int, train: Train) -> npt.NDArray[np.int64]:
    """Indices `(D, n)` of the step's photos: every epoch is a shuffle of all of them; batches run across epochs."""
    shape = train.discriminator_steps, train.batch_size
    size = shape[0] * shape[1]
    epochs, within = np.divmod(np.arange(step * size, (step + 1) * size), total)
    chosen = np.empty(size, np.int64)
    for epoch in range(epochs[0], epochs[-1] + 1):
        here = epochs == epoch
        chosen[here] = _shuffle(train.seed, epoch, total)[within[here]]
    return chosen.reshape(shape)


@lru_cache(maxsize=2)
def _shuffle(seed: int, epoch: int, total: int) -> npt.NDArray[np.int64]:
    return _generator(seed, _EPOCHS + epoch).permutation(total)


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed, stream], np.uint64)))
