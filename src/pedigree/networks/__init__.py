"""One file an architecture, each with a generator and a discriminator builder.

Generator: latents `(n, latent_size)` and breed indices `(n,)` int32 → images `(n, size, size, 3)` in [-1, 1].
Discriminator: images `(n, size, size, 3)` in [-1, 1] and breed indices `(n,)` → logits `(n, 1)`, real above fake;
with an auxiliary classifier, logits `(n, breeds)` besides. Layers come from a `Kit`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from pedigree.networks import biggan, dcgan, mlp, progan, projection_dcgan, r3gan, sagan, seed_cgan, wgan_gp
from pedigree.networks.kit import Kit
from pedigree.networks.shapes import Shape


@dataclass(frozen=True)
class Architecture:
    """The builders of a pair of networks; the discriminator's last argument is `train.conditioning`."""

    build_generator: Callable[[Shape, Kit], keras.Model]
    build_discriminator: Callable[[Shape, Kit, str], keras.Model]


ARCHITECTURES = {
    "biggan": Architecture(biggan.build_generator, biggan.build_discriminator),
    "dcgan": Architecture(dcgan.build_generator, dcgan.build_discriminator),
    "mlp": Architecture(mlp.build_generator, mlp.build_discriminator),
    "progan": Architecture(progan.build_generator, progan.build_discriminator),
    "projection-dcgan": Architecture(projection_dcgan.build_generator, projection_dcgan.build_discriminator),
    "r3gan": Architecture(r3gan.build_generator, r3gan.build_discriminator),
    "sagan": Architecture(sagan.build_generator, sagan.build_discriminator),
    "seed-cgan": Architecture(seed_cgan.build_generator, seed_cgan.build_discriminator),
    "wgan-gp": Architecture(wgan_gp.build_generator, wgan_gp.build_discriminator),
}
