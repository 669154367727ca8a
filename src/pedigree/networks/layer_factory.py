"""Creating the layers of a network, with options that are set once for the whole network."""

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from pedigree.networks import reparametrization


@dataclass(frozen=True)
class LayerFactory:
    """Creates layers: Keras's own for the generator that is saved, and those of the settings for training.

    Attributes:
        keras_only: use only Keras's own layers, so that `load_model` can load the network without this package.
        spectral: normalise every kernel spectrally, and the embeddings created with `spectral=True`.
        ramped: multiply the breeds' embeddings by a ramp from 0 to 1.
        synchronized: compute batch-norm statistics over all devices.
        initializer: Keras's name of the initializer of kernels and embeddings; None means each layer's default.
        equalized: default gain of equalised kernels; None means that kernels are not equalised by default.
        breed_features: `(breeds, k)`, what a pretrained network knows of each breed; None: nothing.
        layer_module: the module whose Conv2D, Conv2DTranspose and Dense are used where no reparametrisation is needed.
    """

    keras_only: bool = False
    spectral: bool = False
    ramped: bool = False
    synchronized: bool = False
    initializer: str | None = None
    equalized: float | None = None
    breed_features: NDArray[np.float32] | None = field(default=None, compare=False)
    layer_module: Any = layers

    def conv(self, filters: int, size: int, equalized: float | None = None, **options: Any) -> keras.Layer:
        """Create a convolution with `padding="same"` by default; `equalized` is the gain of an equalised kernel."""
        return self._weighted("Conv2D", filters, size, equalized=equalized, **({"padding": "same"} | options))

    def transposed_conv(self, filters: int, size: int, equalized: float | None = None, **options: Any) -> keras.Layer:
        """Create a transposed convolution, with the options of `conv`."""
        return self._weighted("Conv2DTranspose", filters, size, equalized=equalized, **({"padding": "same"} | options))

    def dense(self, units: int, equalized: float | None = None, **options: Any) -> keras.Layer:
        """Create a dense layer; `equalized` is the gain of an equalised kernel."""
        return self._weighted("Dense", units, equalized=equalized, **options)

    def embedding(
        self, breeds: int, width: int, spectral: bool = False, around_mean: bool = False, **options: Any
    ) -> keras.Layer:
        """Create an embedding with one row per breed.

        Args:
            breeds: number of breeds.
            width: numbers in a row.
            spectral: whether it is normalised if kernels are normalised.
            around_mean: whether a ramp multiplies the rows' differences from their mean instead of the rows.
            options: Keras's own.
        """
        spectral = spectral and self.spectral
        if self.initializer:
            options = {"embeddings_initializer": self.initializer} | options
        if self.keras_only or not (spectral or self.ramped):
            return layers.Embedding(breeds, width, **options)
        options |= {"spectral": spectral, "ramped": self.ramped, "around_mean": around_mean}
        return reparametrization.Embedding(breeds, width, **options)

    def breed_dense(self, units: int, **options: Any) -> keras.Layer:
        """Create a dense layer on `breed_features`: ramped like an embedding, and never normalised."""
        if self.keras_only or not self.ramped:
            return layers.Dense(units, **options)
        return reparametrization.Dense(units, ramped=True, **options)

    def batch_norm(self, **options: Any) -> keras.Layer:
        """Create a batch normalisation layer."""
        return layers.BatchNormalization(synchronized=self.synchronized and not self.keras_only, **options)

    def _weighted(self, kind: str, *sizes: int, equalized: float | None, **options: Any) -> keras.Layer:
        equalized = self.equalized if equalized is None else equalized
        if self.initializer:
            options = {"kernel_initializer": self.initializer} | options
        if self.keras_only or not (self.spectral or equalized is not None):
            return getattr(self.layer_module, kind)(*sizes, **options)
        if equalized is not None:
            options["kernel_initializer"] = keras.initializers.RandomNormal(stddev=1.0)
        return getattr(reparametrization, kind)(*sizes, spectral=self.spectral, equalized=equalized, **options)
