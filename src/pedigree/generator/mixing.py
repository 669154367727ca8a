"""Mixtures of breeds."""

import dataclasses

import numpy as np
import numpy.typing as npt

from pedigree.errors import PedigreeError
from pedigree.generator.model import Generator, Latents

ROWS = 64  # pictures that are drawn at once


def draw_shares(
    generator: Generator, latents: Latents, shares: npt.NDArray[np.float32], mixer: "Mixer | None" = None
) -> npt.NDArray[np.uint8]:
    """Draw one picture for each of `latents` `(n, latent_size)`: `(n, size, size, 3)` uint8 RGB.

    Args:
        generator: the generator. It draws the pictures itself if none is a mixture.
        latents: the latents.
        shares: the shares of all breeds in each picture, `(n, breeds)`; a row sums to 1.
        mixer: draws mixtures; without it, one is made if it is needed.

    Raises:
        PedigreeError: a picture is a mixture, and the generator cannot mix breeds.
    """
    if (shares.max(axis=1) < 1).any():
        return (mixer or Mixer(generator)).draw(latents, shares)
    return generator.draw_latents(latents, shares.argmax(axis=1).astype(np.int32))


class Mixer:
    """Draws dogs of mixed breeds with a generator.

    A network uses the breed only to choose a row of each of its embedding tables, and the layers after a table accept
    any vector. The mixer has a copy of the network whose tables have a row for each picture: the sum of the breeds'
    rows, weighted by their shares.

    Args:
        generator: the generator.

    Raises:
        PedigreeError: if the network has no embedding table.
    """

    def __init__(self, generator: Generator) -> None:
        import keras

        def resized(layer: keras.Layer) -> keras.Layer:
            config = layer.get_config()
            if isinstance(layer, keras.layers.Embedding):
                config["input_dim"] = ROWS
            return type(layer).from_config(config)

        network = generator.network
        if not any(isinstance(layer, keras.layers.Embedding) for layer in network.layers):
            raise PedigreeError("The generator has no table of breeds (Embedding layer), so breeds cannot be mixed.")
        copy = keras.models.clone_model(network, clone_function=resized)
        self._tables = []
        for layer, layer_copy in zip(network.layers, copy.layers, strict=True):
            if isinstance(layer, keras.layers.Embedding):
                self._tables.append((layer.get_weights()[0], layer_copy))
            else:
                layer_copy.set_weights(layer.get_weights())
        rows = tuple(f"row {row}" for row in range(ROWS))
        self._generator = dataclasses.replace(generator, network=copy, breeds=rows)

    def draw(self, latents: Latents, shares: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """Draw one picture for each of `latents` `(n, latent_size)`: `(n, size, size, 3)` uint8 RGB.

        Args:
            latents: the latents.
            shares: the shares of all breeds in each picture, `(n, breeds)`; a row sums to 1.
        """
        size = self._generator.image_size
        images = np.empty((len(latents), size, size, 3), np.uint8)
        for start in range(0, len(latents), ROWS):
            part = slice(start, start + ROWS)
            count = len(latents[part])
            for table, layer in self._tables:
                rows = np.zeros((ROWS, table.shape[1]), table.dtype)
                rows[:count] = shares[part] @ table
                layer.set_weights([rows])
            images[part] = self._generator.draw_latents(latents[part], np.arange(count, dtype=np.int32))
        return images
