"""The three networks of a run, built as its settings ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import keras

from pedigree.networks import ARCHITECTURES
from pedigree.networks.kit import Kit
from pedigree.networks.reparametrization import acting_weights
from pedigree.networks.shapes import Shape
from pedigree.settings.train import Train


def build(
    train: Train, image_size: int, breeds: int, precision: str, kit: Kit
) -> tuple[keras.Model, keras.Model, keras.Model]:
    """Return generator, discriminator, and a float32 copy of the generator of Keras's own layers, to be kept.

    Args:
        train: the settings.
        image_size: pixels a side.
        breeds: how many.
        precision: "float32" or "bfloat16", which the first two compute in.
        kit: what makes the layers of the first two, but for what the settings ask of their weights.
    """
    shape = Shape(image_size, 3 if train.colors == "rgb" else 1, train.latent_size, breeds, train.channels)
    architecture = ARCHITECTURES[train.architecture]
    kit = replace(kit, ramped=train.condition_ramp[1] > 0)
    with _dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32"):
        generator = architecture.build_generator(shape, replace(kit, spectral=train.spectral_norm == "both"))
        kit = replace(kit, spectral=train.spectral_norm != "none")
        discriminator = architecture.build_discriminator(shape, kit, train.conditioning)
    with _dtype_policy("float32"):
        kept = architecture.build_generator(shape, Kit(kept=True))
    for weight, acting in zip(kept.weights, acting_weights(generator), strict=True):
        weight.assign(acting)
    return generator, discriminator, kept


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Build layers under another dtype policy, then return to the one before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
