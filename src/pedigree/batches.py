"""What a training step sees, as a function of `(seed, step)`: pictures in their order, noise, label noise, chance.

So an interrupted run resumes where it was, worker counts and backends change nothing, and a step can be repeated.
"""

from typing import TypedDict

import keras
import numpy as np
import numpy.typing as npt

from pedigree.augment import DRAWS
from pedigree.params import Train

_EPOCHS = 2**63  # where the random streams of epochs begin; those of steps lie below

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


class Batch(TypedDict):
    """One step's input; n is `train.batch_size`, m is `train.generator_batch_size`.

    The generator draws m pictures a step: the discriminator learns from the first n, which have the breeds of the
    real ones, and the generator from all.
    """

    images: npt.NDArray[np.uint8]  # (n, size, size, 3)
    labels: Labels  # (n,)
    real_targets: Floats  # (n, 1), in [0, 1]
    fake_targets: Floats  # (n, 1), in [0, 1]
    real_chances: Floats  # (n, DRAWS), in [0, 1): augmentation
    fake_chances: Floats  # (n, DRAWS)
    latents: Floats  # (m, latent_size)
    drawn_labels: Labels  # (m,), the first n as `labels`
    drawn_chances: Floats  # (m, DRAWS)


class Batches(keras.utils.PyDataset):
    """All steps of a run, for `fit`: item s is step s of the run."""

    def __init__(self, images: npt.NDArray[np.uint8], labels: Labels, train: Train) -> None:
        super().__init__()
        self.images, self.labels, self.train = images, labels, train

    def __len__(self) -> int:
        return self.train.steps

    def __getitem__(self, step: int) -> tuple[Batch]:
        return (batch_at(step, self.images, self.labels, self.train),)


def batch_at(step: int, images: npt.NDArray[np.uint8], labels: Labels, train: Train) -> Batch:
    """Make the batch of one step from all training `images` `(total, size, size, 3)` and `labels` `(total,)`."""
    chance = _generator(train.seed, step)
    chosen = _order(step, len(images), train)
    real, size = images[chosen], train.batch_size
    if "flip" in train.augment:
        mirrored = chance.random(size) < 0.5
        real[mirrored] = real[mirrored, :, ::-1]
    flipped = chance.random((2, size, 1)) < train.flip_targets
    low, high = train.real_targets
    soft = low + (high - low) * chance.random((size, 1))
    drawn = train.generator_batch_size
    return {
        "images": real,
        "labels": labels[chosen],
        "real_targets": np.where(flipped[0], 0, soft).astype(np.float32),
        "fake_targets": np.where(flipped[1], soft, 0).astype(np.float32),
        "real_chances": chance.random((size, DRAWS), np.float32),
        "fake_chances": chance.random((size, DRAWS), np.float32),
        "latents": chance.standard_normal((drawn, train.latent_size), np.float32),
        "drawn_labels": np.concatenate([labels[chosen], chance.choice(labels, drawn - size)]),
        "drawn_chances": chance.random((drawn, DRAWS), np.float32),
    }


def _order(step: int, total: int, train: Train) -> npt.NDArray[np.int64]:
    """Indices of the step's photos: every epoch is a shuffle of all of them, and batches run across epochs."""
    places = np.arange(step * train.batch_size, (step + 1) * train.batch_size)
    epochs, within = places // total, places % total
    chosen = np.empty(train.batch_size, np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        shuffle = _generator(train.seed, _EPOCHS + int(epoch)).permutation(total)
        chosen[here] = shuffle[within[here]]
    return chosen


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed, stream], np.uint64)))
