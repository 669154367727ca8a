"""What a training step sees: the arrays of one step or of several, and how devices share them."""

from typing import Any, TypedDict, cast

import numpy as np
import numpy.typing as npt

DRAWN = ("latents", "drawn_labels", "drawn_chances")  # arrays of the generator's m pictures

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


class Batch(TypedDict):
    """One step's input; of several steps, every array has one more axis in front.

    D is `train.discriminator_steps`, n is `train.batch_size`, m is `train.generator_batch_size`. The discriminator
    learns D times from n photos and as many drawn pictures, of the same breeds; the generator once, from m drawn
    pictures, the first n of which are those of the discriminator's last time.
    """

    images: Images  # (D, n, size, size, 3)
    labels: Labels  # (D, n)
    real_targets: Floats  # (D, n, 1), in [0, 1]
    fake_targets: Floats  # (D, n, 1), in [0, 1]
    real_chances: Floats  # (D, n, draws), in [0, 1): what augmentation draws for each picture
    fake_chances: Floats  # (D, n, draws)
    mixing: Floats  # (D, n, 1), in [0, 1): where between a real and a drawn picture the gradient penalty looks
    early_latents: Floats  # (D - 1, n, latent_size): all times but the last
    latents: Floats  # (m, latent_size)
    drawn_labels: Labels  # (m,), the first n as the last of `labels`
    drawn_chances: Floats  # (m, draws)
    condition_strength: Floats  # (), in [0, 1]


def check_parts(batch: Batch, count: int) -> tuple[int, int]:
    """Return n and m of a `stacked` batch.

    Raises:
        ValueError: where n or m does not divide by `count`.
    """
    real, drawn = batch["labels"].shape[2], batch["drawn_labels"].shape[1]
    if real % count or drawn % count:
        raise ValueError(f"{real} real and {drawn} drawn pictures a step have no equal parts for {count} devices")
    return real, drawn


def portion(batch: Batch, index: int, count: int) -> Batch:
    """Return device `index`'s part of `count` equal ones of a `stacked` batch.

    Of the drawn pictures each device gets its share of the first n and its share of the rest, so that the first
    n / count of them still have the breeds of the discriminator's last photos.

    Raises:
        ValueError: as `check_parts` does.
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
