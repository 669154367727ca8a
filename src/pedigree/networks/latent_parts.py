"""A latent split into parts, each of which only a part of the generator gets."""

import keras
from keras import ops

from pedigree.errors import UsageError
from pedigree.networks.shapes import Shape


def split_latent(latent: keras.KerasTensor, count: int, shape: Shape, user: str) -> list[keras.KerasTensor]:
    """Split a latent `(n, latent_size)` into `count` equal parts. The first part also gets the remainder.

    Args:
        latent: the latent.
        count: number of parts.
        shape: the sizes of the network.
        user: the architecture and what it splits the latent among, for the message.

    Raises:
        UsageError: the latent has fewer numbers than parts.
    """
    size = shape.latent_size // count
    if not size:
        raise UsageError(
            f"{user} at {shape.image_size} px: train.latent_size must be at least {count}. "
            f"Received: {shape.latent_size}"
        )
    if count == 1:
        return [latent]
    first = shape.latent_size - (count - 1) * size
    return list(ops.split(latent, [first + part * size for part in range(count - 1)], axis=1))
