"""Pictures made worse on purpose: soft, noisy, badly compressed.

All take and return `(n, height, width, 3)` uint8 RGB, and leave what they are given as it was.
"""

import io
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pictures = NDArray[np.uint8]


def blurred(images: Pictures, radius: float) -> Pictures:
    """Blur by a Gaussian of standard deviation `radius`, in pixels."""
    return _each(images, lambda picture: picture.filter(ImageFilter.GaussianBlur(radius)))


def noisy(images: Pictures, deviation: float, seed: int = 0) -> Pictures:
    """Add normal noise of `deviation` grey levels to each channel of each pixel, a function of `seed` and place."""
    chance = np.random.Generator(np.random.Philox(key=seed))
    changed = np.empty_like(images)
    for place, picture in enumerate(images):
        changed[place] = np.clip(np.rint(picture + chance.normal(0.0, deviation, picture.shape)), 0, 255)
    return changed


def compressed(images: Pictures, quality: int) -> Pictures:
    """Save as JPEG of `quality` 1 to 95, with chroma at half the resolution, and open again."""
    return _each(images, lambda picture: _through_jpeg(picture, quality))


def damaged_copies(images: Pictures) -> Iterator[Pictures]:
    """Yield soft, then noisy, then badly compressed copies of all pictures.

    A blur of a 32nd of the width, noise of 25 grey levels, JPEG of quality 20: most breeds remain recognisable.
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
