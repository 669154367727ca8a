"""Layers whose weights act as something other than what is stored: normalised, rescaled or ramped in.

Each is one of Keras's layers but for the weight it works with, which `acting_weights` tells: so the generator that is
kept can be made of Keras's own layers, holding the weights as they act.
"""

from typing import Any

import keras
from keras import layers, ops

Tensor = Any


class _Reparametrized(keras.Layer):
    """A layer that multiplies by `acting(stored weight)` where its parent multiplies by the stored one.

    Args:
        spectral: divide the weight, as a matrix, by its largest singular value (Miyato et al., "Spectral Normalization
            for Generative Adversarial Networks", 2018), found by one power iteration a training call.
        equalized: multiply by this gain / √fan-in (the equalised learning rate of Karras et al., "Progressive Growing
            of GANs", 2018, section 4.1; the stored weight then starts as N(0, 1)); None: don't.
        ramped: multiply by the variable `ramp`, from 0 to 1, that whoever trains sets.
    """

    weight_name = "kernel"

    def __init__(
        self, *args: Any, spectral: bool = False, equalized: float | None = None, ramped: bool = False, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.spectral, self.equalized, self.ramped = spectral, equalized, ramped

    def add_weight(self, *args: Any, **options: Any) -> Any:
        """Add a weight; the reparametrised one keeps float32 until it acts, whatever the layer computes in."""
        if options.get("name") == self.weight_name:
            options["autocast"] = False
        return super().add_weight(*args, **options)

    def build(self, input_shape: Any = None) -> None:
        """Build the parent, then what the reparametrisation remembers."""
        super().build(input_shape)
        if self.spectral:
            width = self.matrix(self.stored).shape[1]
            self.direction = self.add_weight(
                name="direction", shape=(1, width), initializer="random_normal", trainable=False, autocast=False
            )
        if self.ramped:
            self.ramp = self.add_weight(name="ramp", shape=(), initializer="ones", trainable=False, autocast=False)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Compute what the parent computes, with the weight as it acts."""
        if training and self.spectral:
            _, after = self._directions()
            self.direction.assign(after)
        return super().call(inputs)

    @property
    def stored(self) -> keras.Variable:
        """The weight that learns."""
        return getattr(self, f"_{self.weight_name}")

    def matrix(self, weight: Tensor) -> Tensor:
        """Lay the weight out as a matrix with a column an output."""
        return ops.reshape(weight, (-1, weight.shape[-1]))

    def acting(self) -> Tensor:
        """Return the weight as it acts, float32."""
        weight = ops.convert_to_tensor(self.stored)
        if self.spectral:
            before, after = self._directions()
            norm = ops.sum(ops.matmul(before, self.matrix(weight)) * after)
            weight = weight / norm
        if self.equalized is not None:
            weight = weight * (self.equalized / self.matrix(weight).shape[0] ** 0.5)
        return weight * self.ramp if self.ramped else weight

    def acting_in_precision(self) -> Tensor:
        """Return the weight as it acts, in the precision the layer computes in."""
        return ops.cast(self.acting(), self.compute_dtype)

    def _directions(self) -> tuple[Tensor, Tensor]:
        """Return both singular vectors, `(1, rows)` and `(1, columns)`, one power iteration on, with no gradient."""
        matrix = ops.stop_gradient(self.matrix(ops.convert_to_tensor(self.stored)))
        rows = _unit(ops.matmul(self.direction, ops.transpose(matrix)))
        return rows, _unit(ops.matmul(rows, matrix))


def _unit(vector: Tensor) -> Tensor:
    return vector / ops.maximum(ops.norm(vector), 1e-12)


class Conv2D(_Reparametrized, layers.Conv2D):
    """A convolution with a reparametrised kernel."""

    kernel = property(_Reparametrized.acting_in_precision)


class Dense(_Reparametrized, layers.Dense):
    """A dense layer with a reparametrised kernel."""

    kernel = property(_Reparametrized.acting_in_precision)


class Conv2DTranspose(_Reparametrized, layers.Conv2DTranspose):
    """A transposed convolution with a reparametrised kernel."""

    def _store(self, variable: keras.Variable) -> None:
        self._kernel = variable

    kernel = property(_Reparametrized.acting_in_precision, _store)  # where its parent has a plain attribute

    def matrix(self, weight: Tensor) -> Tensor:
        """Lay the weight, `(height, width, out, in)`, out as a matrix with a column an output."""
        return super().matrix(ops.swapaxes(weight, -1, -2))


class Embedding(_Reparametrized, layers.Embedding):
    """An embedding with a reparametrised table."""

    weight_name = "embeddings"
    embeddings = property(_Reparametrized.acting_in_precision)


def reparametrized(network: keras.Model) -> list[_Reparametrized]:
    """List the layers of this module in a network."""
    return [layer for layer in network.layers if isinstance(layer, _Reparametrized)]


def acting_weights(network: keras.Model) -> list[Tensor]:
    """Return a network's weights as they act: those that the same network of Keras's own layers would hold."""
    acting: list[Tensor] = []
    for layer in network.layers:
        if not isinstance(layer, _Reparametrized):
            acting += layer.weights
            continue
        own = {id(layer.stored): layer.acting()}
        left_out = {id(getattr(layer, name, None)) for name in ("direction", "ramp")}
        acting += [own.get(id(weight), weight) for weight in layer.weights if id(weight) not in left_out]
    return acting
