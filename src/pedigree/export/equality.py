"""Whether an exported generator draws the pictures of the one that it was made from."""

import numpy as np

from pedigree.errors import PedigreeError
from pedigree.export.formats import Run
from pedigree.generator.model import Generator, pixels

PICTURES = 64  # that are compared, of all breeds in turn
LEVELS = 1  # of 255: the largest difference of a number in a picture that is allowed


def largest_difference(generator: Generator, run: Run) -> int:
    """Return the largest difference between pictures of both, in levels of 0 to 255.

    Args:
        generator: the original.
        run: draws with the exported one.

    Raises:
        PedigreeError: the exported one draws pictures of another shape, or NaN.
    """
    labels = np.arange(PICTURES, dtype=np.int32) % len(generator.breeds)
    latents = generator.latents(PICTURES, seed=0)
    expected, drawn = generator.draw_latents(latents, labels), run(latents, labels)
    if drawn.shape != expected.shape or np.isnan(drawn).any():
        raise PedigreeError(
            f"the exported generator draws {drawn.shape}, maybe with NaN, in place of {expected.shape}: use another "
            "--format."
        )
    return int(np.abs(pixels(drawn).astype(np.int16) - expected.astype(np.int16)).max())
