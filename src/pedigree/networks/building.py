"""Building the generator, the discriminator and the averaged generator from the settings of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import keras

from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.reparametrization import effective_weights
from pedigree.networks.shapes import Shape
from pedigree.settings.train import Train


def build(
    train: Train, image_size: int, breeds: int, precision: str, factory: LayerFactory
) -> tuple[keras.Model, keras.Model, keras.Model]:
    """Build the networks.

    Args:
        train: the settings.
        image_size: height and width of the images, in pixels.
        breeds: number of breeds.
        precision: "float32" or "bfloat16", the precision in which generator and discriminator compute.
        factory: creates the layers of generator and discriminator, with the reparametrisations of the settings added.

    Returns:
        The generator, the discriminator, and a float32 copy of the generator made only of Keras's own layers. The copy
        is the network that is saved.
    """
    shape = Shape(image_size, 3 if train.colors == "rgb" else 1, train.latent_size, breeds, train.channels)
    architecture = ARCHITECTURES[train.architecture]
    factory = replace(factory, ramped=train.condition_ramp[1] > 0)
    with dtype_policy(precision):
        generator = architecture.build_generator(shape, replace(factory, spectral=train.spectral_norm == "both"))
        factory = replace(factory, spectral=train.spectral_norm != "none")
        narrowed = replace(shape, channels=train.discriminator_channels or train.channels)
        discriminator = architecture.build_discriminator(narrowed, factory, train.conditioning)
    with dtype_policy("float32"):
        average = architecture.build_generator(
            shape, LayerFactory(keras_only=True, breed_features=factory.breed_features)
        )
    for weight, effective in zip(average.weights, effective_weights(generator), strict=True):
        weight.assign(effective)
    return generator, discriminator, average


@contextmanager
def dtype_policy(precision: str) -> Iterator[None]:
    """Create layers that compute in "float32" or "bfloat16" inside the block, and restore the previous policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
