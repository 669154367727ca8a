"""One file per architecture, each with a generator and a discriminator builder.

Generator: latents `(n, latent_size)` and breed indices `(n,)` int32 → images `(n, size, size, 3)` in [-1, 1].
Discriminator: images `(n, size, size, 3)` in [-1, 1] and breed indices `(n,)` → logits `(n, 1)`, higher for real
images. With an auxiliary classifier, it also returns class logits `(n, breeds)`. A `LayerFactory` creates the layers.
"""

from importlib import import_module
from typing import get_args

from pedigree.networks.architecture import Architecture
from pedigree.settings.train import ArchitectureName

# `seed-cgan` is defined in `seed_cgan.py`, and so on.
ARCHITECTURES: dict[str, Architecture] = {
    name: import_module(f"{__name__}.{name.replace('-', '_')}").ARCHITECTURE for name in get_args(ArchitectureName)
}
