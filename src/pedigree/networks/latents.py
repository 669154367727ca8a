"""How a generator is told the breed where all it has is one vector to begin with."""

import keras
from keras import layers

from pedigree.networks.heads import EMBEDDING
from pedigree.networks.kit import Kit
from pedigree.networks.shapes import Shape


def with_breed(latent: keras.KerasTensor, breed: keras.KerasTensor, shape: Shape, kit: Kit) -> keras.KerasTensor:
    """Put the breed's embedding beside the latent, as Mirza and Osindero, "Conditional Generative Adversarial Nets"
    (2014) do; a single breed needs none.

    The embeddings start spread as a uniform latent is, so that breeds differ from the first step.

    Args:
        latent: `(n, latent_size)`.
        breed: indices, `(n,)`.
        shape: sizes.
        kit: the layers.

    Returns:
        `(n, latent_size + 100)`; of a single breed, the latent.
    """
    if shape.breeds == 1:
        return latent
    spread = keras.initializers.RandomUniform(-1, 1)
    return layers.Concatenate()([latent, kit.embedding(shape.breeds, EMBEDDING, embeddings_initializer=spread)(breed)])
