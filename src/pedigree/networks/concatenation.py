"""Telling networks the breed by putting it beside what comes in, so that they heed it and the latent from early on.

Mirza and Osindero, "Conditional Generative Adversarial Nets" (2014). How both start decides: on digits, where the
breed's numbers began as widely spread as the latent's, DCGAN drew one picture a breed; and where the plane began as
faint as Keras makes it, the discriminator did not care which breed it was.
"""

from dataclasses import replace

import keras
from keras import layers

from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

EMBEDDING = 100  # numbers a breed has
BRIGHT = "he_normal"  # what makes a plane start about as bright as pictures are


def beside_latent(
    latent: keras.KerasTensor, breed: keras.KerasTensor, shape: Shape, factory: LayerFactory
) -> keras.KerasTensor:
    """Put the breed's embedding, small at first, beside the latent; a single breed needs none.

    Args:
        latent: `(n, latent_size)`.
        breed: indices, `(n,)`.
        shape: sizes.
        factory: the layers.

    Returns:
        `(n, latent_size + 100)`; of a single breed, the latent.
    """
    if shape.breeds == 1:
        return latent
    return layers.Concatenate()([latent, factory.embedding(shape.breeds, EMBEDDING)(breed)])


def beside_picture(
    image: keras.KerasTensor,
    breed: keras.KerasTensor,
    shape: Shape,
    factory: LayerFactory,
    conditioning: str,
    start: str | None = BRIGHT,
) -> keras.KerasTensor:
    """Put a plane made from the breed beside the picture's, where `conditioning` is by concatenation.

    Its layers start from the initializer `start`; None: as the factory's others do.
    """
    if conditioning != "concatenation":
        return image
    factory = replace(factory, initializer=start or factory.initializer)
    return layers.Concatenate()([image, plane(breed, shape.image_size, shape, factory)])


def plane(breed: keras.KerasTensor, side: int, shape: Shape, factory: LayerFactory) -> keras.KerasTensor:
    """Make a map `(n, side, side, 1)` of the breed's index, `(n,)`."""
    flat = factory.dense(side * side)(factory.embedding(shape.breeds, EMBEDDING)(breed))
    return layers.Reshape((side, side, 1))(flat)
