"""The input of training steps: the arrays of a batch, and its parts for several devices."""

from typing import Any, TypedDict, cast

import numpy as np
import numpy.typing as npt

from pedigree.errors import UsageError

# Arrays of the m images that the generator is trained on.
DRAWN = ("latents", "drawn_labels", "drawn_chances", "features_drawn_chances")

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


class Batch(TypedDict):
    """The input of one training step. For several steps, every array has one more axis in front.

    D is `train.discriminator_steps`, n is `train.batch_size`, and m is `train.generator_batch_size`. The discriminator
    is updated D times, each time on n photos and n generated images of the same breeds. The generator is updated once,
    on m generated images. The first n of these are also the generated images of the discriminator's last update.
    """

    images: Images  # (D, n, size, size, 3)
    labels: Labels  # (D, n)
    real_targets: Floats  # (D, n, 1), in [0, 1]
    fake_targets: Floats  # (D, n, 1), in [0, 1]
    real_chances: Floats  # (D, n, draws), in [0, 1): the random numbers that augment each photo
    fake_chances: Floats  # (D, n, draws)
    mixing: Floats  # (D, n, 1), in [0, 1): interpolation weights between real and generated images
    early_latents: Floats  # (D - 1, n, latent_size): for all updates of the discriminator but the last
    latents: Floats  # (m, latent_size)
    drawn_labels: Labels  # (m,): the first n are labels[-1]
    drawn_chances: Floats  # (m, draws)
    features_real_chances: Floats  # (D, n, draws): the same for pretrained features, which only use the last update's
    features_drawn_chances: Floats  # (m, draws)
    condition_strength: Floats  # (), in [0, 1]


def check_parts(batch: Batch, count: int) -> tuple[int, int]:
    """Return n and m of a batch of several steps.

    Raises:
        ValueError: n or m is not a multiple of `count`.
    """
    real, drawn = batch["labels"].shape[2], batch["drawn_labels"].shape[1]
    if real % count or drawn % count:
        raise ValueError(
            f"{real} real and {drawn} generated images per step cannot be split equally on {count} devices"
        )
    return real, drawn


def check_equal_parts(batch: Batch, count: int) -> None:
    """Check that a batch of several steps can be split equally on `count` devices.

    Raises:
        UsageError: it cannot. The message names the parameters to change.
    """
    try:
        check_parts(batch, count)
    except ValueError as error:
        raise UsageError(
            f"{error}: make train.batch_size and train.generator_batch_size multiples of {count}, "
            "or set train.devices: one."
        ) from None


def portion(batch: Batch, index: int, count: int) -> Batch:
    """Return the part of a batch of several steps for one device.

    Each device gets its share of the first n generated images and its share of the rest. The first n / count of its
    generated images therefore still have the breeds of the photos of the discriminator's last update.

    Args:
        batch: a batch of several steps.
        index: number of the device, from 0.
        count: number of devices.

    Raises:
        ValueError: n or m is not a multiple of `count`.
    """
    real, drawn = check_parts(batch, count)
    first = _share(0, real, index, count)
    rest = _share(real, drawn, index, count)

    def part(name: str, array: Any) -> Any:
        if name == "condition_strength":
            return array
        if name in DRAWN:
            return np.concatenate([array[:, first], array[:, rest]], axis=1)
        return array[:, :, first]

    return cast(Batch, {name: part(name, array) for name, array in batch.items()})


def _share(start: int, stop: int, index: int, count: int) -> slice:
    size = (stop - start) // count
    return slice(start + index * size, start + (index + 1) * size)
