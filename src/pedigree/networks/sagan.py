"""SAGAN: Zhang, Goodfellow, Metaxas and Odena, "Self-Attention Generative Adversarial Networks" (2019).

Residual networks with self-attention at a quarter of the picture's side (32 px of the paper's 128), conditional batch
norm in the generator and a projection in the discriminator; spectral norm on both comes with the factory. `channels` is
the width at the picture's full side; it doubles with every halving, up to 16 times. Smaller pictures than the paper's
leave out the widest levels.
"""

from functools import partial

import keras
from keras import layers, ops

from pedigree.networks.architecture import Architecture
from pedigree.networks.attention import attended_at
from pedigree.networks.concatenation import beside_picture
from pedigree.networks.heads import judged
from pedigree.networks.images import painted, seen
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.normalization import by_breed, plain
from pedigree.networks.residual import doubling, halving, level
from pedigree.networks.shapes import Shape


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    widths = _widths(shape)[::-1]
    x = factory.dense(shape.base**2 * widths[0])(latent)
    x = attended_at(layers.Reshape((shape.base, shape.base, widths[0]))(x), shape.image_size // 4, factory)
    for width in widths[1:]:
        x = doubling(x, width, factory, partial(by_breed, breed=breed, shape=shape, factory=factory))
        x = attended_at(x, shape.image_size // 4, factory)
    x = factory.conv(shape.colors, 3)(layers.ReLU()(plain(x, factory)))
    return keras.Model([latent, breed], painted(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`, as `heads.judged` ends them."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = beside_picture(seen(image, shape), breed, shape, factory, conditioning)
    widths = _widths(shape)[:-1]
    for depth, width in enumerate(widths):
        x = attended_at(halving(x, width, factory, first=depth == 0), shape.image_size // 4, factory)
    x = level(x, _widths(shape)[-1], factory)
    features = ops.sum(layers.ReLU()(x), axis=(1, 2))
    return keras.Model([image, breed], judged(features, breed, shape, factory, conditioning), name="discriminator")


def _widths(shape: Shape) -> list[int]:
    """Channels from the full side down to the base."""
    return [shape.channels * min(2**depth, 16) for depth in range(shape.doublings + 1)]


ARCHITECTURE = Architecture(build_generator, build_discriminator)
