"""Walks from dog to dog: breeds and latents move together, and the end leads back to the start."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pedigree.drawing.dogs import Dog, latents_of, shares_of
from pedigree.generator.model import Latents
from pedigree.generator.walks import lerp, loop
from pedigree.studio.models import Model


def journey(model: Model, dogs: Sequence[Dog], frames: int) -> tuple[Latents, npt.NDArray[np.float32]]:
    """Return the latents `(frames, latent_size)` and the shares of breeds `(frames, breeds)` of a walk.

    Args:
        model: the generator.
        dogs: where the walk leads, in order; it returns to the first.
        frames: how many pictures.
    """
    corners = latents_of(model.generator, dogs)
    shares = shares_of(model.generator, dogs)
    times = np.arange(frames) * len(dogs) / frames
    one, other = times.astype(int), (times.astype(int) + 1) % len(dogs)
    return loop(corners, frames, model.generator.latent), lerp(
        shares[one], shares[other], (times % 1)[:, None].astype(np.float32)
    )
