"""The layers that networks are made of, chosen once for a whole network."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from pedigree.networks import reparametrization


@dataclass(frozen=True)
class LayerFactory:
    """Makes layers: Keras's own for the generator that is kept, in training those that the settings ask for.

    Attributes:
        kept: only Keras's own layers, so that anyone's `load_model` reads them.
        spectral: spectral normalisation of every kernel, and of the embeddings that ask for it.
        ramped: the breeds' embeddings are ramped in.
        synchronized: batch norm counts over all devices.
        initializer: what kernels and embeddings start from, by Keras's name; None: Keras's own choice for each.
        equalized: the gain of every kernel that is not told its own; None: those are not equalised.
        layer_module: what has the layers, by Keras's names, that have kernels and are not reparametrised.
    """

    keras_only: bool = False
    spectral: bool = False
    ramped: bool = False
    synchronized: bool = False
    initializer: str | None = None
    equalized: float | None = None
    layer_module: Any = layers

    def conv(self, filters: int, size: int, equalized: float | None = None, **options: Any) -> keras.Layer:
        """Make a convolution, `padding="same"` unless told; `equalized` is the gain of an equalised kernel."""
        return self._weighted("Conv2D", filters, size, equalized=equalized, **({"padding": "same"} | options))

    def transposed_conv(self, filters: int, size: int, equalized: float | None = None, **options: Any) -> keras.Layer:
        """Make a transposed convolution, with the options of `conv`."""
        return self._weighted("Conv2DTranspose", filters, size, equalized=equalized, **({"padding": "same"} | options))

    def dense(self, units: int, equalized: float | None = None, **options: Any) -> keras.Layer:
        """Make a dense layer; `equalized` is the gain of an equalised kernel."""
        return self._weighted("Dense", units, equalized=equalized, **options)

    def embedding(self, breeds: int, width: int, spectral: bool = False, **options: Any) -> keras.Layer:
        """Make a table with a row a breed; `spectral`: normalised where the kernels are."""
        spectral = spectral and self.spectral
        if self.initializer:
            options = {"embeddings_initializer": self.initializer} | options
        if self.keras_only or not (spectral or self.ramped):
            return layers.Embedding(breeds, width, **options)
        return reparametrization.Embedding(breeds, width, spectral=spectral, ramped=self.ramped, **options)

    def batch_norm(self, **options: Any) -> keras.Layer:
        """Make a batch normalisation."""
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
