"""What a pair of networks is: its two builders, and what its discriminator needs."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape


@dataclass(frozen=True)
class Architecture:
    """A generator and a discriminator that belong together.

    Attributes:
        build_generator: builds latents `(n, latent_size)` and breeds `(n,)` → images `(n, size, size, 3)`.
        build_discriminator: builds images and breeds → logits; its last argument is `train.conditioning`.
        batch_norm: the discriminator has batch norm. Real and generated pictures then go through it separately, and
            no gradient penalty is possible, since the logit of a picture depends on its whole batch.
        group: the discriminator compares so many pictures with each other: `train.batch_size` must be a multiple.
        spectral_norm: whether the layers can be spectrally normalised.
    """

    build_generator: Callable[[Shape, LayerFactory], keras.Model]
    build_discriminator: Callable[[Shape, LayerFactory, str], keras.Model]
    batch_norm: bool = False
    group: int = 1
    spectral_norm: bool = True
