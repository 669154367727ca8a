"""The description of an architecture: the builders of its two networks, and the requirements of its discriminator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

Tensor = Any


@dataclass(frozen=True)
class Architecture:
    """A generator and a discriminator that belong together.

    Attributes:
        build_generator: builds latents `(n, latent_size)` and breeds `(n,)` → images `(n, size, size, 3)`.
        build_discriminator: builds images and breeds → logits; its last argument is `train.conditioning`.
        batch_norm: whether the discriminator has batch norm. Real and generated images then pass through it separately,
            and gradient penalties are not possible, because the logit of an image depends on its whole batch.
        group: how many images the discriminator compares with each other. `train.batch_size` must be a multiple of it.
        spectral_norm: whether spectral normalisation can be applied to the layers.
        conditional_batch_norm: whether the generator gets the breed by conditional batch norm.
        view: turns real images `(n, size, size, 3)` into what the discriminator gets instead of them, a stack of k
            pictures `(n, size, size, 3 k)`, each with its own logit; None means the images themselves.
        build_training_generator: builds from the generator the network that draws such stacks in training: latents,
            breeds and real images of these breeds → `(n, size, size, 3 k)`; None means the generator itself.
    """

    build_generator: Callable[[Shape, LayerFactory], keras.Model]
    build_discriminator: Callable[[Shape, LayerFactory, str], keras.Model]
    batch_norm: bool = False
    group: int = 1
    spectral_norm: bool = True
    conditional_batch_norm: bool = False
    view: Callable[[Tensor], Tensor] | None = None
    build_training_generator: Callable[[keras.Model], keras.Model] | None = None
