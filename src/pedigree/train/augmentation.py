"""Differentiable augmentation (Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", 2020).

Real and generated pictures are changed in the same ways, so that the discriminator cannot memorise the training photos
and the generator does not learn the changes. Everything is in `keras.ops`, with shifts as matrix products, so that
second derivatives exist. The random numbers are arguments, so that a step is a function of its batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

Tensor = Any

GATE = 1  # uniform numbers for each kind that decide whether it changes a picture


def layout(kinds: Sequence[str]) -> dict[str, slice]:
    """Return the columns of `chances` that belong to each of `kinds`: a gate, then the numbers of the change."""
    columns, start = {}, 0
    for name in (name for name in KINDS if name in kinds):
        columns[name] = slice(start, start + GATE + KINDS[name].draws)
        start = columns[name].stop
    return columns


def draws(kinds: Sequence[str]) -> int:
    """Return how many uniform numbers one picture needs for the changes `kinds`."""
    return max((columns.stop for columns in layout(kinds).values()), default=0)


def augment(images: Tensor, chances: Tensor, kinds: Sequence[str], strength: Tensor) -> Tensor:
    """Change pictures at random.

    Args:
        images: `(n, size, size, 3)` in [-1, 1].
        chances: `(n, draws(kinds))` in [0, 1), laid out as `layout` says.
        kinds: the changes; names that are not in `KINDS` are ignored.
        strength: a scalar in [0, 1], the probability of each change, independently of the others.

    Returns:
        Pictures of the same shape.
    """
    for name, columns in layout(kinds).items():
        gates, numbers = chances[:, columns][:, :GATE], chances[:, columns][:, GATE:]
        images = KINDS[name].change(images, numbers, ops.less(gates, strength))
    return images


def adapted(strength: Tensor, real_sign_mean: Tensor, target: float, pictures: int, speed: int) -> Tensor:
    """Return the `strength` for the next `pictures`, in [0, 1]: higher where the discriminator overfits.

    `real_sign_mean` is the mean sign of its logits on real pictures: 0 if it cannot tell real from generated, 1 if it
    has memorised the photos. Above `target` the strength rises, below it falls, by `pictures / speed` (Karras et al.,
    "Training Generative Adversarial Networks with Limited Data", 2020, section 3.2).
    """
    return ops.clip(strength + ops.sign(real_sign_mean - target) * (pictures / speed), 0.0, 1.0)


def _color(images: Tensor, chances: Tensor, comes: Tensor) -> Tensor:
    """Brightness ±0.5, saturation ×[0, 2), contrast ×[0.5, 1.5), as in the paper; all of it as one 3×3 product."""
    brightness = _where(comes, chances[:, 0:1] - 0.5, 0.0)
    saturation = _where(comes, chances[:, 1:2] * 2, 1.0)
    contrast = _where(comes, chances[:, 2:3] + 0.5, 1.0)
    size = images.shape[1]
    pixels = ops.reshape(images, (-1, size * size, 3))
    level = ops.mean(pixels, axis=(1, 2), keepdims=True)
    mixing = contrast * (saturation * ops.eye(3) + (1 - saturation) / 3)
    changed = ops.matmul(pixels, mixing) + ((1 - contrast) * level + brightness)
    return ops.reshape(changed, (-1, size, size, 3))


def _where(comes: Tensor, value: Tensor, neutral: float) -> Tensor:
    """Choose among `(n, 1)`; return `(n, 1, 1)`."""
    return ops.where(comes, value, neutral)[:, :, None]


def _translation(images: Tensor, chances: Tensor, comes: Tensor) -> Tensor:
    """Shift by up to an eighth of the side each way; what comes in is mid-grey (0), as in the paper."""
    size = images.shape[1]
    reach = size // 8
    offsets = ops.where(comes, ops.floor(chances * (2 * reach + 1)) - reach, 0.0)
    for axis in (0, 1):  # rows; then, pictures turned, columns; twice as fast as products that leave pictures upright
        images = ops.transpose(_shifted(images, offsets[:, axis]), (0, 2, 1, 3))
    return images


def _shifted(images: Tensor, offsets: Tensor) -> Tensor:
    """Shift rows up by the whole numbers `offsets` `(n,)`, as a product with a matrix of zeros and ones."""
    size = images.shape[1]
    place = ops.arange(size, dtype="float32")
    source = place[None, :, None] + offsets[:, None, None]
    chosen = ops.cast(ops.equal(source, place[None, None, :]), "float32")
    return ops.reshape(ops.matmul(chosen, ops.reshape(images, (-1, size, size * 3))), (-1, size, size, 3))


def _cutout(images: Tensor, chances: Tensor, comes: Tensor) -> Tensor:
    """Blank a square of half the side, its centre anywhere."""
    size = images.shape[1]
    centre = chances * size
    place = ops.arange(size, dtype=images.dtype)[None, :] + 0.5
    hidden_rows = (ops.abs(place - centre[:, 0:1]) < size / 4) & comes
    hidden_columns = ops.abs(place - centre[:, 1:2]) < size / 4
    hidden = hidden_rows[:, :, None] & hidden_columns[:, None, :]
    return images * (1 - ops.cast(hidden, images.dtype))[..., None]


@dataclass(frozen=True)
class Kind:
    """A change of pictures: how many uniform numbers it draws per picture, and the change itself.

    `change` takes pictures `(n, size, size, 3)`, chances `(n, draws)` and whether each picture is changed `(n, 1)`.
    """

    draws: int
    change: Callable[[Tensor, Tensor, Tensor], Tensor]


KINDS = {"color": Kind(3, _color), "translation": Kind(2, _translation), "cutout": Kind(2, _cutout)}
