"""A perceptual hash: similar pictures have hashes that differ in few bits.

It is the signs of the lowest frequencies of the luma's discrete cosine transform (Zauner, 2010, calls this family
pHash). Two properties follow from the signs: brightness and contrast do not matter, and the hash of the mirrored
picture is known, because mirroring turns the sign of the odd horizontal frequencies.

Measured on 19,380 photos of Stanford Dogs, with 63, 143 and 255 bits: 143 separate best. Of 1,000 photos that were cut
by 5 % at a random place and saved again, 99 % are within 42 bits of the original; of all pairs of photos, 1 in 67,000.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

FREQUENCIES = 12  # in each direction
BITS = FREQUENCIES**2 - 1  # the constant is left out
GRID = 64  # the luma is averaged over GRID x GRID blocks first
LEAST_ENTROPY = 4.0  # bits, of the luma's histogram; the photos of Stanford Dogs have 5 and more

Floats = npt.NDArray[np.float32]

ODD = np.arange(1, FREQUENCIES**2) % FREQUENCIES % 2 == 1  # (BITS,): the bits that mirroring turns


def blocks(luma: Image.Image, grid: int = GRID) -> npt.NDArray[np.uint8]:
    """Return the means `(grid, grid)` of a greyscale picture over blocks that fill it; its aspect is lost."""
    box = min(luma.size) >= grid
    return np.asarray(luma.resize((grid, grid), Image.Resampling.BOX if box else Image.Resampling.BILINEAR))


def phash(luma: npt.NDArray[np.uint8]) -> str:
    """Return the hash of `(GRID, GRID)` uint8 luma as 36 hexadecimal digits; the first of their bits is always 0.

    A picture that shows too little has no hash: the text is empty. Otherwise all plain surfaces, and all simple
    drawings of one layout, would be near-duplicates.
    """
    if entropy(np.bincount(luma.ravel())) < LEAST_ENTROPY:
        return ""
    transform = _cosines()
    signs = (transform @ luma @ transform.T).ravel() > 0
    signs[0] = False
    return np.packbits(signs).tobytes().hex()


def entropy(counts: npt.NDArray[np.integer]) -> float:
    """Return the entropy of a histogram in bits."""
    shares = counts[counts > 0] / counts.sum()
    return abs(float(shares @ np.log2(shares)))


def signs(hashes: Sequence[str]) -> Floats:
    """Return hashes as `(n, BITS)` of -1 and 1, so that a product of two rows is BITS minus twice their distance."""
    octets = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(-1, (BITS + 1) // 8)
    return np.unpackbits(octets, axis=1)[:, 1 : BITS + 1] * np.float32(2) - 1


@cache
def _cosines() -> Floats:
    """Return the first rows of the discrete cosine transform (type II), `(FREQUENCIES, GRID)`."""
    frequencies, places = np.arange(FREQUENCIES)[:, None], np.arange(GRID) + 0.5
    return np.cos(np.pi / GRID * frequencies * places).astype(np.float32)
