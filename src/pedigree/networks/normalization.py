"""Batch norm told what to do by something else than its own weights.

Conditional batch norm: Dumoulin et al., "A Learned Representation for Artistic Style" (2016).
"""

import keras
from keras import layers

from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

# What BigGAN's authors use, as PyTorch does; Keras's own are 0.99 and 0.001.
MOMENTUM = 0.9
EPSILON = 1e-5


def plain(x: keras.KerasTensor, factory: LayerFactory) -> keras.KerasTensor:
    """Batch norm with a gain and a shift of its own; maps `(n, side, side, width)`, as all here."""
    return factory.batch_norm(momentum=MOMENTUM, epsilon=EPSILON)(x)


def told(
    x: keras.KerasTensor,
    gain: keras.KerasTensor,
    shift: keras.KerasTensor,
    factory: LayerFactory,
    epsilon: float = EPSILON,
) -> keras.KerasTensor:
    """Batch norm times `1 + gain` plus `shift`, each `(n, width)`."""
    spread = layers.Reshape((1, 1, x.shape[-1]))
    x = factory.batch_norm(center=False, scale=False, momentum=MOMENTUM, epsilon=epsilon)(x)
    return x * (1 + spread(gain)) + spread(shift)


def by_breed(
    x: keras.KerasTensor, breed: keras.KerasTensor, shape: Shape, factory: LayerFactory, epsilon: float = EPSILON
) -> keras.KerasTensor:
    """Batch norm whose gain and shift belong to the breed, `(n,)`; at first all breeds are alike."""
    gain, shift = (
        factory.embedding(shape.breeds, x.shape[-1], embeddings_initializer="zeros")(breed) for _ in range(2)
    )
    return told(x, gain, shift, factory, epsilon)
