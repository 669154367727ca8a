"""What a photo looks like, in a few numbers: light, detail and colour.

All are measured on a small copy, because the crops are small: what is blurred at 128 pixels is blurred in every crop.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pedigree.photos.modes import to_rgb
from pedigree.photos.phash import entropy

SIDE = 128  # pixels of the copy's shorter side, if the photo has as many
LEAST_CONTRAST = 1.0  # standard deviation in levels of 255; below it, a photo shows nothing

_SHARPEST = 100  # the sharpness is that of the sharpest hundredth of the photo
_GREY = 6  # levels of 255; the chroma of a grey photo stays within, despite JPEG's rounding
_LEVELS = np.arange(256)


@dataclass(frozen=True)
class Appearance:
    """The measures of one photo, rounded, so that a census is short.

    Attributes:
        brightness: mean luma, 0 (black) to 1 (white).
        contrast: standard deviation of the luma, 0 to 0.5.
        entropy: of the luma's histogram, in bits: 0 (one level) to 8.
        sharpness: the mean absolute Laplacian of the sharpest hundredth of the pixels, divided by the standard
            deviation of the luma, so that a photo with one part in focus is sharp. 0 for a photo without contrast.
        grey: whether the photo has no colours.
    """

    brightness: float
    contrast: float
    entropy: float
    sharpness: float
    grey: bool


def decoded(photo: Image.Image) -> Image.Image:
    """Decode an opened photo to its end, and return it in YCbCr, as stored, not turned upright.

    A JPEG is decoded at the smallest scale at which its shorter side has `SIDE` pixels.
    """
    photo.draft(None, (SIDE, SIDE))
    photo.load()
    return photo if photo.mode == "YCbCr" else to_rgb(photo).convert("YCbCr")


def small_luma(colors: Image.Image) -> Image.Image:
    """Return the luma of a photo in YCbCr, at most `SIDE` pixels on its shorter side."""
    luma, factor = colors.getchannel("Y"), SIDE / min(colors.size)
    size = (max(1, round(luma.width * factor)), max(1, round(luma.height * factor)))
    return luma.resize(size, Image.Resampling.BOX) if factor < 1 else luma


def appearance(colors: Image.Image, luma: Image.Image) -> Appearance:
    """Measure a photo in YCbCr, whose `small_luma` is given."""
    counts = np.array(luma.histogram())
    shares = counts / counts.sum()
    mean = float(shares @ _LEVELS)
    contrast = math.sqrt(float(shares @ (_LEVELS - mean) ** 2))
    return Appearance(
        brightness=round(mean / 255, 4),
        contrast=round(contrast / 255, 4),
        entropy=round(entropy(counts), 3),
        sharpness=round(_detail(luma) / contrast, 3) if contrast >= LEAST_CONTRAST else 0.0,
        grey=_is_grey(colors),
    )


def _detail(luma: Image.Image) -> float:
    """Return the mean of the largest hundredth of the absolute Laplacian, in levels of 255."""
    values = np.asarray(luma, np.int16)
    if min(values.shape) < 3:
        return 0.0
    inner = 4 * values[1:-1, 1:-1]
    inner -= values[:-2, 1:-1]
    inner -= values[2:, 1:-1]
    inner -= values[1:-1, :-2]
    inner -= values[1:-1, 2:]
    sizes = np.abs(inner, out=inner).ravel()
    kept = max(1, len(sizes) // _SHARPEST)
    return float(np.partition(sizes, len(sizes) - kept)[-kept:].mean())


def _is_grey(colors: Image.Image) -> bool:
    chroma = np.array(colors.getextrema()[1:])
    return bool(np.abs(chroma - 128).max() <= _GREY)
