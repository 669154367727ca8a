"""The three networks of a run, built as its settings ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import keras

from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.reparametrization import acting_weights
from pedigree.networks.shapes import Shape
from pedigree.settings.train import Train


def build(
    train: Train, image_size: int, breeds: int, precision: str, factory: LayerFactory
) -> tuple[keras.Model, keras.Model, keras.Model]:
    """Return generator, discriminator, and a float32 copy of the generator of Keras's own layers, to be average.

    Args:
        train: the settings.
        image_size: pixels a side.
        breeds: how many.
        precision: "float32" or "bfloat16", which the first two compute in.
        factory: what makes the layers of the first two, but for what the settings ask of their weights.
    """
    shape = Shape(image_size, 3 if train.colors == "rgb" else 1, train.latent_size, breeds, train.channels)
    architecture = ARCHITECTURES[train.recipe]
    factory = replace(factory, ramped=train.condition_ramp[1] > 0)
    with _dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32"):
        generator = architecture.build_generator(shape, replace(factory, spectral=train.spectral_norm == "both"))
        factory = replace(factory, spectral=train.spectral_norm != "none")
        discriminator = architecture.build_discriminator(shape, factory, train.conditioning)
    with _dtype_policy("float32"):
        average = architecture.build_generator(shape, LayerFactory(keras_only=True))
    for weight, acting in zip(average.weights, acting_weights(generator), strict=True):
        weight.assign(acting)
    return generator, discriminator, average


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Build layers under another dtype policy, then return to the one before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
