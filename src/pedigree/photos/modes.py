"""Pillow's modes of pictures, converted to 8-bit RGB."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def to_rgb(photo: Image.Image) -> Image.Image:
    """Convert a loaded picture to 8-bit RGB, or leave it in 8-bit greyscale if it is opaque greyscale.

    Transparent pixels become white. Channels of 16 bits are scaled by their full range.
    """
    if photo.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(photo)))
    if photo.has_transparency_data:
        layer = photo.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return photo if photo.mode in ("RGB", "L") else photo.convert("RGB")


def _eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Scale 0..65535 to 0..255, rounded. Pillow's mode `I` holds 16-bit values in 32 bits."""
    wide = np.clip(values, 0, 65535).astype(np.uint32)
    scaled: npt.NDArray[np.uint8] = ((wide * 255 + 32767) // 65535).astype(np.uint8)
    return scaled
