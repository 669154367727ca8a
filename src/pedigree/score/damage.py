"""Damages pictures on purpose: blur, noise, strong compression.

All functions take and return `(n, height, width, 3)` uint8 RGB and do not change their input.
"""

import io
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pictures = NDArray[np.uint8]


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


def damaged_copies(images: Pictures) -> Iterator[Pictures]:
    """Yield blurred, noisy and strongly compressed copies of all pictures, in this order.

    The blur is 1/32 of the width, the noise 25 grey levels, the JPEG quality 20. Most breeds remain recognisable.
    """
    yield blurred(images, images.shape[2] / 32)
    yield noisy(images, 25.0)
    yield compressed(images, 20)


def _each(images: Pictures, change: Callable[[Image.Image], Image.Image]) -> Pictures:
    changed = np.empty_like(images)
    for place, picture in enumerate(images):
        changed[place] = np.asarray(change(Image.fromarray(picture)))
    return changed


def _through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return Image.open(buffer)
