"""Where a place of the upright photo is in the stored one."""

import numpy as np
import pytest
from PIL import Image

from pedigree.photos.exif import UPRIGHT, stored_place


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_place_is_where_pillow_takes_its_pixel_from(orientation: int) -> None:
    stored = Image.fromarray(np.arange(15, dtype=np.uint8).reshape(3, 5))
    upright = stored.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else stored
    for x in range(upright.width):
        for y in range(upright.height):
            across, down = stored_place((x + 0.5) / upright.width, (y + 0.5) / upright.height, orientation)
            place = (int(across * stored.width), int(down * stored.height))
            assert stored.getpixel(place) == upright.getpixel((x, y))
