"""Pillow's modes: whether the values of a photo have a known range, and how they become 8-bit RGB.

Photos are JPEG, PNG, WebP, BMP, GIF, TIFF or PPM. Pillow opens them as `1`, `L`, `P`, `LA`, `La`, `PA`, `RGB`, `RGBA`,
`CMYK`, `YCbCr`, `LAB`, `I;16`, `I;16B`, `I` or `F`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

STRIP = 1_000_000  # pixels that are converted at once
_SIGNED = 2  # a TIFF's SampleFormat
_WHITE_IS_ZERO = 0  # a TIFF's PhotometricInterpretation


def reason_unusable(photo: Image.Image) -> str:
    """Return why the values of an open photo cannot become colours; empty if they can.

    Floats have no range, and neither have signed or 32-bit integers: a picture of 0 to 1 and one of 0 to 2,000,000,000
    are both common.
    """
    if photo.mode == "F" or (photo.mode == "I" and photo.format == "TIFF"):
        return f"mode {photo.mode}: of no known range"
    if _tag(photo, ExifTags.Base.SampleFormat) == _SIGNED:
        return f"mode {photo.mode}, signed: of no known range"
    if photo.mode == "P" and photo.palette is None:
        return "mode P without a palette"
    return ""


def to_rgb(photo: Image.Image) -> Image.Image:
    """Convert a loaded photo to 8-bit RGB. Transparent pixels become white.

    Opaque greyscale of 8 bits stays as it is: it is converted after resizing, with the same result.
    """
    if photo.mode.startswith("I"):
        highest = 2 ** int(_tag(photo, ExifTags.Base.BitsPerSample) or 16) - 1
        inverted = _tag(photo, ExifTags.Base.PhotometricInterpretation) == _WHITE_IS_ZERO
        return _by_strips(photo, "L", lambda strip: _eight_bits(strip, highest, inverted))
    if photo.has_transparency_data:
        return _by_strips(photo, "RGB", _on_white)
    return photo if photo.mode in ("RGB", "L") else photo.convert("RGB")


def _by_strips(photo: Image.Image, mode: str, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Convert a photo strip by strip, because the steps between need several times its memory."""
    whole, rows = Image.new(mode, photo.size), max(1, STRIP // photo.width)
    for top in range(0, photo.height, rows):
        strip = photo.crop((0, top, photo.width, min(top + rows, photo.height)))
        whole.paste(convert(strip), (0, top))
    return whole


def _on_white(photo: Image.Image) -> Image.Image:
    layer = (photo.convert("LA") if photo.mode == "La" else photo).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _eight_bits(photo: Image.Image, highest: int, inverted: bool) -> Image.Image:
    """Scale a greyscale photo of up to 16 bits to 0..255 by its full range, rounded.

    The range is 0..65535, also of mode `I`, to which Pillow scales a PGM's range; a TIFF of 12 bits has 0..4095.
    """
    values: npt.NDArray[Any] = np.asarray(photo)
    wide = np.clip(values, 0, highest).astype(np.uint32)
    if inverted:
        wide = highest - wide  # Pillow inverts 8 bits, but not 16
    scaled = (wide * 255 + highest // 2) // highest
    if "transparency" in photo.info:
        scaled = np.where(values == photo.info["transparency"], 255, scaled)
    return Image.fromarray(np.asarray(scaled, np.uint8))


def _tag(photo: Image.Image, tag: int) -> Any:
    """Return the first value of a TIFF's tag; None if there is none, or the photo is no TIFF."""
    value = photo.tag_v2.get(tag) if isinstance(photo, TiffImageFile) else None
    return value[0] if isinstance(value, tuple) else value
