"""Conditioning by concatenation: the breed's embedding is concatenated to the input of a network.

Mirza and Osindero, "Conditional Generative Adversarial Nets" (2014). The initial scale of the embedding matters, as
training on digits showed. With embeddings as widely spread as the latents, DCGAN drew a single image per breed. With
Keras's small default initializer for the breed's plane, the discriminator ignored the breed.
"""

from dataclasses import replace

import keras
from keras import layers

from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

EMBEDDING = 100  # numbers in a breed's embedding
PLANE_INITIALIZER = "he_normal"  # gives the plane's values about the same scale as an image's at the start


def concatenate_to_latent(
    latent: keras.KerasTensor, breed: keras.KerasTensor, shape: Shape, factory: LayerFactory
) -> keras.KerasTensor:
    """Concatenate the breed's embedding to the latent. The embedding starts small.

    Args:
        latent: `(n, latent_size)`.
        breed: breed indices `(n,)`.
        shape: the sizes of the network.
        factory: creates the layers.

    Returns:
        A tensor `(n, latent_size + 100)`, or the latent unchanged if there is only one breed.
    """
    if shape.breeds == 1:
        return latent
    return layers.Concatenate()([latent, factory.embedding(shape.breeds, EMBEDDING)(breed)])


def concatenate_to_image(
    image: keras.KerasTensor,
    breed: keras.KerasTensor,
    shape: Shape,
    factory: LayerFactory,
    conditioning: str,
    initializer: str | None = PLANE_INITIALIZER,
) -> keras.KerasTensor:
    """Add the breed as a fourth image plane if `conditioning` is "concatenation"; otherwise return the image.

    Args:
        image: `(n, size, size, channels)`.
        breed: breed indices `(n,)`.
        shape: the sizes of the network.
        factory: creates the layers.
        conditioning: `train.conditioning`.
        initializer: the initializer of the plane's layers; None means the factory's own.

    Returns:
        A tensor `(n, size, size, channels + 1)`, or the image unchanged.
    """
    if conditioning != "concatenation":
        return image
    factory = replace(factory, initializer=initializer or factory.initializer)
    return layers.Concatenate()([image, breed_plane(breed, shape.image_size, shape, factory)])


def breed_plane(breed: keras.KerasTensor, side: int, shape: Shape, factory: LayerFactory) -> keras.KerasTensor:
    """Return a learned map `(n, side, side, 1)` for each breed index `(n,)`."""
    flat = factory.dense(side * side)(factory.embedding(shape.breeds, EMBEDDING)(breed))
    return layers.Reshape((side, side, 1))(flat)
