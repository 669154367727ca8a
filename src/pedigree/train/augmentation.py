"""Differentiable augmentation (Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", 2020).

Real and generated images are changed in the same ways, so that the discriminator cannot memorise the training photos
and the generator does not learn the changes. Only `flip` is not here: it mirrors real images, in `batches`. Everything
is in `keras.ops`, with shifts as matrix products, so that it is differentiable on every backend. The random numbers are
arguments, so that a step is a function of its batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

Tensor = Any

GATE = 1  # number of uniform numbers per kind that decide whether the image is changed


def layout(kinds: Sequence[str]) -> dict[str, slice]:
    """Return the columns of `chances` that belong to each of `kinds`: a gate, then the numbers of the change."""
    columns, start = {}, 0
    for name in (name for name in KINDS if name in kinds):
        columns[name] = slice(start, start + GATE + KINDS[name].draws)
        start = columns[name].stop
    return columns


def draws(kinds: Sequence[str]) -> int:
    """Return how many uniform numbers one image needs for the changes `kinds`."""
    return max((columns.stop for columns in layout(kinds).values()), default=0)


def augment(images: Tensor, chances: Tensor, kinds: Sequence[str], strength: Tensor) -> Tensor:
    """Change images at random.

    Args:
        images: `(n, size, size, 3)` in [-1, 1], or stacks of several pictures but for "color".
        chances: uniform numbers `(n, draws(kinds))` in [0, 1), in the columns given by `layout`.
        kinds: the changes; `flip`, which is not in `KINDS`, is ignored.
        strength: a scalar in [0, 1], the probability of each change, independently of the others.

    Returns:
        Images of the same shape.
    """
    for name, columns in layout(kinds).items():
        gates, numbers = chances[:, columns][:, :GATE], chances[:, columns][:, GATE:]
        images = KINDS[name].change(images, numbers, ops.less(gates, strength))
    return images


def adapted(strength: Tensor, real_sign_mean: Tensor, target: float, images: int, speed: int) -> Tensor:
    """Return the augmentation strength for the next images: higher if the discriminator overfits.

    The strength rises by `images / speed` if `real_sign_mean` is above `target`, and falls by as much if it is below
    (Karras et al., "Training Generative Adversarial Networks with Limited Data", 2020, section 3.2).

    Args:
        strength: the current strength, a scalar in [0, 1].
        real_sign_mean: mean sign of the logits of real images: 0 if the discriminator cannot distinguish them from
            generated ones, 1 if it has memorised the photos.
        target: the value of `real_sign_mean` to aim for.
        images: number of images since the last update.
        speed: number of images in which the strength can go from 0 to 1.

    Returns:
        The new strength, a scalar in [0, 1].
    """
    return ops.clip(strength + ops.sign(real_sign_mean - target) * (images / speed), 0.0, 1.0)


def _color(images: Tensor, chances: Tensor, applied: Tensor) -> Tensor:
    """Change brightness by ±0.5, saturation by [0, 2) and contrast by [0.5, 1.5), as in the paper, in one product."""
    brightness = _where(applied, chances[:, 0:1] - 0.5, 0.0)
    saturation = _where(applied, chances[:, 1:2] * 2, 1.0)
    contrast = _where(applied, chances[:, 2:3] + 0.5, 1.0)
    size = images.shape[1]
    pixels = ops.reshape(images, (-1, size * size, 3))
    level = ops.mean(pixels, axis=(1, 2), keepdims=True)
    mixing = contrast * (saturation * ops.eye(3) + (1 - saturation) / 3)
    changed = ops.matmul(pixels, mixing) + ((1 - contrast) * level + brightness)
    return ops.reshape(changed, (-1, size, size, 3))


def _where(applied: Tensor, value: Tensor, neutral: float) -> Tensor:
    """Return `value` where the change is applied and `neutral` elsewhere: `(n, 1)` → `(n, 1, 1)`."""
    return ops.where(applied, value, neutral)[:, :, None]


def _translation(images: Tensor, chances: Tensor, applied: Tensor) -> Tensor:
    """Shift by up to an eighth of the size in each direction, with mid-grey (0) as padding, as in the paper."""
    size = images.shape[1]
    maximum = size // 8
    offsets = ops.where(applied, ops.floor(chances * (2 * maximum + 1)) - maximum, 0.0)
    # Shift the rows, transpose, and repeat for the columns: twice as fast as shifting the columns in place.
    for axis in (0, 1):
        images = ops.transpose(_shift_rows(images, offsets[:, axis]), (0, 2, 1, 3))
    return images


def _shift_rows(images: Tensor, offsets: Tensor) -> Tensor:
    """Shift the rows up by the integers `offsets` `(n,)`, as a product with a matrix of zeros and ones."""
    size, planes = images.shape[1], images.shape[-1]
    index = ops.arange(size, dtype="float32")
    source = index[None, :, None] + offsets[:, None, None]
    selection = ops.cast(ops.equal(source, index[None, None, :]), "float32")
    rows = ops.reshape(images, (-1, size, size * planes))
    return ops.reshape(ops.matmul(selection, rows), (-1, size, size, planes))


def _cutout(images: Tensor, chances: Tensor, applied: Tensor) -> Tensor:
    """Set a square of half the size to 0, with its centre anywhere in the image."""
    size = images.shape[1]
    centre = chances * size
    position = ops.arange(size, dtype=images.dtype)[None, :] + 0.5
    hidden_rows = (ops.abs(position - centre[:, 0:1]) < size / 4) & applied
    hidden_columns = ops.abs(position - centre[:, 1:2]) < size / 4
    hidden = hidden_rows[:, :, None] & hidden_columns[:, None, :]
    return images * (1 - ops.cast(hidden, images.dtype))[..., None]


@dataclass(frozen=True)
class Kind:
    """A kind of augmentation.

    Attributes:
        draws: how many uniform numbers it needs per image.
        change: a function of images `(n, size, size, 3)`, uniform numbers `(n, draws)`, and booleans `(n, 1)` that say
            which images to change.
    """

    draws: int
    change: Callable[[Tensor, Tensor, Tensor], Tensor]


KINDS = {"color": Kind(3, _color), "translation": Kind(2, _translation), "cutout": Kind(2, _cutout)}
