"""Batch norm whose gain and shift come from its own weights, from tensors, or from the breed.

Conditional batch norm: Dumoulin et al., "A Learned Representation for Artistic Style" (2016). All maps here are
`(n, side, side, width)`.
"""

import keras
from keras import layers

from pedigree.networks.breed_vectors import breed_vector
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

# The values of BigGAN's authors, which are PyTorch's defaults; Keras's defaults are 0.99 and 0.001.
MOMENTUM = 0.9
EPSILON = 1e-5


def batch_norm(x: keras.KerasTensor, factory: LayerFactory) -> keras.KerasTensor:
    """Apply batch norm with its own learned gain and shift."""
    return factory.batch_norm(momentum=MOMENTUM, epsilon=EPSILON)(x)


def modulated_batch_norm(
    x: keras.KerasTensor,
    gain: keras.KerasTensor,
    shift: keras.KerasTensor,
    factory: LayerFactory,
    epsilon: float = EPSILON,
) -> keras.KerasTensor:
    """Apply batch norm, multiply by `1 + gain` and add `shift`, each `(n, width)`."""
    spread = layers.Reshape((1, 1, x.shape[-1]))
    x = factory.batch_norm(center=False, scale=False, momentum=MOMENTUM, epsilon=epsilon)(x)
    return x * (1 + spread(gain)) + spread(shift)


def conditional_batch_norm(
    x: keras.KerasTensor, breed: keras.KerasTensor, shape: Shape, factory: LayerFactory, epsilon: float = EPSILON
) -> keras.KerasTensor:
    """Apply batch norm with a learned gain and shift for each breed `(n,)`; they start the same for all breeds."""
    gain, shift = (breed_vector(breed, shape.breeds, x.shape[-1], factory, deviation=0) for _ in range(2))
    return modulated_batch_norm(x, gain, shift, factory, epsilon)
