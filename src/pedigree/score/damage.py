"""Damages pictures on purpose: blur, noise, strong compression.

All functions take and return `(n, height, width, 3)` uint8 RGB and do not change their input.
"""

import io
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pedigree.common.spread import spread

Pictures = NDArray[np.uint8]
Labels = NDArray[np.int32]

COPIES = 2_000  # of each kind of damage, at most


def blurred(images: Pictures, radius: float) -> Pictures:
    """Blur with a Gaussian of standard deviation `radius`, in pixels."""
    return _each(images, lambda picture: picture.filter(ImageFilter.GaussianBlur(radius)))


def noisy(images: Pictures, deviation: float, seed: int = 0) -> Pictures:
    """Add normal noise with a standard deviation of `deviation` grey levels to each channel of each pixel."""
    chance = np.random.Generator(np.random.Philox(key=seed))
    changed = np.empty_like(images)
    for place, picture in enumerate(images):
        changed[place] = np.clip(np.rint(picture + chance.normal(0.0, deviation, picture.shape)), 0, 255)
    return changed


def compressed(images: Pictures, quality: int) -> Pictures:
    """Save as JPEG with `quality` 1 to 95 and half the chroma resolution, and read again."""
    return _each(images, lambda picture: _through_jpeg(picture, quality))


def damaged_copies(images: Pictures, labels: Labels) -> Iterator[tuple[Pictures, Labels]]:
    """Yield blurred, noisy and strongly compressed copies of pictures, in this order, with their labels.

    The blur is 1/32 of the width, the noise 25 grey levels, the JPEG quality 20. Most breeds remain recognisable. With
    more than `COPIES` pictures, each kind of damage has so many of them, spread evenly over the breeds, and other ones
    than the other kinds.

    Args:
        images: `(n, height, width, 3)` uint8 RGB; may be memory-mapped.
        labels: `(n,)` breed indices.
    """
    kinds: tuple[Callable[[Pictures], Pictures], ...] = (
        partial(blurred, radius=images.shape[2] / 32),
        partial(noisy, deviation=25.0),
        partial(compressed, quality=20),
    )
    by_breed = np.argsort(labels, kind="stable")
    places = by_breed[spread(len(kinds) * min(COPIES, len(labels)), len(labels))]
    for kind, change in enumerate(kinds):
        chosen = np.sort(places[kind :: len(kinds)])
        yield change(images[chosen]), labels[chosen]


def _each(images: Pictures, change: Callable[[Image.Image], Image.Image]) -> Pictures:
    changed = np.empty_like(images)
    for place, picture in enumerate(images):
        changed[place] = np.asarray(change(Image.fromarray(picture)))
    return changed


def _through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return Image.open(buffer)
