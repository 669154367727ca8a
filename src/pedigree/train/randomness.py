"""Random numbers as a function of `(seed, purpose, step)`: one independent stream per purpose."""

import hashlib

import numpy as np


def random_stream(seed: int, purpose: str, step: int) -> np.random.Generator:
    """Return the random number generator of one step for one purpose.

    The key of the counter-based generator Philox (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011)
    holds the seed and the purpose, and the highest word of its counter holds the step. Streams never overlap, and a new
    purpose changes no other stream.

    Args:
        seed: `train.seed`, from 0 to 2⁶³ - 1.
        purpose: the use of the numbers, such as "latents".
        step: number of the training step, or of the epoch for the order of photos.
    """
    name = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little")
    key = np.array([seed, name], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, 0, step], np.uint64)))
