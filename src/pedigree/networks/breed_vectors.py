"""A learned vector for each breed, which may use what a pretrained network knows of the breed."""

import keras
from keras import layers

from pedigree.networks.layer_factory import LayerFactory


def breed_vector(
    breed: keras.KerasTensor, breeds: int, width: int, factory: LayerFactory, deviation: float
) -> keras.KerasTensor:
    """Return a learned vector `(n, width)` for each breed `(n,)`.

    With `factory.breed_features`, the vector is a learned row for the breed plus a learned linear function of the
    breed's features. Breeds that look alike have similar features, so each breed learns from the photos of the others
    (Sauer et al., "StyleGAN-XL", 2022, section 3.2, where the embedding is the pretrained one alone).

    Args:
        breed: breed indices `(n,)`.
        breeds: number of breeds.
        width: numbers in a vector.
        factory: creates the layers.
        deviation: standard deviation of the values before training, about; 0 means that all vectors start at zero.
    """
    features = factory.breed_features
    if features is None:
        return factory.embedding(breeds, width, embeddings_initializer=_start(deviation))(breed)
    table = layers.Embedding(*features.shape, trainable=False)
    known = table(breed)
    table.set_weights([features])
    start = _start(deviation * features.shape[1] ** -0.5)
    own = factory.embedding(breeds, width, embeddings_initializer="zeros")(breed)
    return own + factory.breed_dense(width, use_bias=False, kernel_initializer=start)(known)


def _start(deviation: float) -> keras.initializers.Initializer | str:
    return keras.initializers.RandomNormal(stddev=deviation) if deviation else "zeros"
