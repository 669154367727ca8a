"""One file an architecture, each with a generator and a discriminator builder.

Generator: latents `(n, latent_size)` and breed indices `(n,)` int32 → images `(n, size, size, 3)` in [-1, 1].
Discriminator: images `(n, size, size, 3)` in [-1, 1] and breed indices `(n,)` → logits `(n, 1)`, real above fake.
Both are made of Keras's own layers only, so that `keras.saving.load_model` reads them without this package.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from pedigree.networks import projection_dcgan, seed_cgan


@dataclass(frozen=True)
class Architecture:
    """The two builders of a recipe's networks."""

    build_generator: Callable[[int, int, int, int], keras.Model]
    build_discriminator: Callable[[int, int, int], keras.Model]


ARCHITECTURES = {
    "projection-dcgan": Architecture(projection_dcgan.build_generator, projection_dcgan.build_discriminator),
    "seed-cgan": Architecture(seed_cgan.build_generator, seed_cgan.build_discriminator),
}
