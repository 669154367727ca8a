"""Differentiable augmentation (Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", 2020).

The same kinds of change on real and on drawn pictures, so that the discriminator cannot learn the training photos
by heart and the generator does not learn the changes. In `keras.ops`, with shifts as matrix products, so that
second derivatives exist. Chance comes in as uniform numbers: what a step does is a function of its batch.
"""

from typing import Any

from keras import ops

Tensor = Any

DRAWS = 10  # uniform numbers a picture needs: 3 for colour, 2 for translation, 2 for cutout, a gate for each
KINDS = ("color", "translation", "cutout")


def augment(images: Tensor, chances: Tensor, kinds: tuple[str, ...], strength: Tensor) -> Tensor:
    """Change `images` `(n, size, size, 3)` in [-1, 1] by `chances` `(n, DRAWS)` in [0, 1), in the ways of `kinds`.

    Each kind comes to a picture with probability `strength`, a scalar in [0, 1], whatever else comes to it.
    """
    changes = (_color, chances[:, 0:3]), (_translation, chances[:, 3:5]), (_cutout, chances[:, 5:7])
    for place, (kind, (change, own)) in enumerate(zip(KINDS, changes, strict=True)):
        if kind in kinds:
            gate = ops.reshape(chances[:, 7 + place], (-1, 1, 1, 1))
            images = ops.where(gate < strength, change(images, own), images)
    return images


def adapted(strength: Tensor, real_sign_mean: Tensor, target: float, pictures: int, speed: int) -> Tensor:
    """Return the `strength` for the next `pictures`, in [0, 1]: more where the discriminator overfits.

    `real_sign_mean` is the mean sign of its logits on real pictures: 0 where it knows nothing, 1 where it knows the
    photos by heart. Above `target` the strength rises, below it falls, by `pictures / speed` (Karras et al.,
    "Training Generative Adversarial Networks with Limited Data", 2020, section 3.2).
    """
    return ops.clip(strength + ops.sign(real_sign_mean - target) * (pictures / speed), 0.0, 1.0)


def _color(images: Tensor, chances: Tensor) -> Tensor:
    """Brightness ±0.5, saturation ×[0, 2), contrast ×[0.5, 1.5), as in the paper."""
    brightness, saturation, contrast = (ops.reshape(chances[:, i], (-1, 1, 1, 1)) for i in range(3))
    images = images + (brightness - 0.5)
    grey = ops.mean(images, axis=3, keepdims=True)
    images = grey + (images - grey) * (2 * saturation)
    level = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    return level + (images - level) * (contrast + 0.5)


def _translation(images: Tensor, chances: Tensor) -> Tensor:
    """Shift by up to an eighth of the side each way; what comes in is mid-grey (0), as in the paper."""
    size = images.shape[1]
    images = ops.einsum("nij,njkc->nikc", _shifts(chances[:, 0], size), images)
    return ops.einsum("nij,nkjc->nkic", _shifts(chances[:, 1], size), images)


def _shifts(chance: Tensor, size: int) -> Tensor:
    """Return matrices `(n, size, size)` that shift a line of pixels by whole pixels."""
    reach = size // 8
    offset = ops.floor(chance * (2 * reach + 1)) - reach
    place = ops.arange(size, dtype="float32")
    source = place[None, :, None] + offset[:, None, None]
    return ops.cast(ops.equal(source, place[None, None, :]), "float32")


def _cutout(images: Tensor, chances: Tensor) -> Tensor:
    """Blank a square of half the side, its centre anywhere."""
    size = images.shape[1]
    centre = chances * size
    place = ops.arange(size, dtype=images.dtype)[None, :] + 0.5
    hidden_rows = ops.abs(place - centre[:, 0:1]) < size / 4
    hidden_columns = ops.abs(place - centre[:, 1:2]) < size / 4
    hidden = hidden_rows[:, :, None] & hidden_columns[:, None, :]
    return images * (1 - ops.cast(hidden, images.dtype))[..., None]
