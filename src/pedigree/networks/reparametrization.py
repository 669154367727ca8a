"""Layers that compute with a function of their stored weight: spectrally normalised, equalised or ramped.

Otherwise they are Keras's layers. `effective_weights` returns the weights they compute with, so that the generator can
be saved as a network of Keras's own layers.
"""

from typing import Any

import keras
from keras import layers, ops

Tensor = Any


class _Reparametrized(keras.Layer):
    """A layer that computes with `effective_weight()` instead of the stored weight.

    Args:
        spectral: divide the weight, as a matrix, by its largest singular value (Miyato et al., "Spectral Normalization
            for Generative Adversarial Networks", 2018), estimated by one power iteration per training call.
        equalized: multiply the weight by this gain / √fan-in (the equalised learning rate of Karras et al.,
            "Progressive Growing of GANs", 2018, section 4.1). The stored weight is then initialised from N(0, 1). None
            means no scaling.
        ramped: multiply the weight by the variable `ramp` in [0, 1], which the training step sets.
    """

    weight_name = "kernel"

    def __init__(
        self, *args: Any, spectral: bool = False, equalized: float | None = None, ramped: bool = False, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.spectral, self.equalized, self.ramped = spectral, equalized, ramped

    def add_weight(self, *args: Any, **options: Any) -> Any:
        """Add a weight. The reparametrised weight is stored in float32, whatever the layer's compute dtype."""
        if options.get("name") == self.weight_name:
            options["autocast"] = False
        return super().add_weight(*args, **options)

    def build(self, input_shape: Any = None) -> None:
        """Build the parent, then add the state of the reparametrisation."""
        super().build(input_shape)
        if self.spectral:
            width = self.matrix(self.stored).shape[1]
            self.direction = self.add_weight(
                name="direction", shape=(1, width), initializer="random_normal", trainable=False, autocast=False
            )
        if self.ramped:
            self.ramp = self.add_weight(name="ramp", shape=(), initializer="ones", trainable=False, autocast=False)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Compute the parent's output with the effective weight; in training, take one power iteration first."""
        if training and self.spectral:
            _, after = self._directions()
            self.direction.assign(after)
        return super().call(inputs)

    @property
    def stored(self) -> keras.Variable:
        """The stored, trainable weight."""
        return getattr(self, f"_{self.weight_name}")

    def matrix(self, weight: Tensor) -> Tensor:
        """Reshape the weight into a matrix with one column per output."""
        return ops.reshape(weight, (-1, weight.shape[-1]))

    def effective_weight(self) -> Tensor:
        """Return the weight that the layer computes with, in float32."""
        weight = ops.convert_to_tensor(self.stored)
        if self.spectral:
            before, after = self._directions()
            norm = ops.sum(ops.matmul(before, self.matrix(weight)) * after)
            weight = weight / norm
        if self.equalized is not None:
            weight = weight * (self.equalized / self.matrix(weight).shape[0] ** 0.5)
        return self.scale(weight) if self.ramped else weight

    def scale(self, weight: Tensor) -> Tensor:
        """Multiply the weight by the ramp."""
        return weight * self.ramp

    def compute_weight(self) -> Tensor:
        """Return the effective weight in the layer's compute dtype."""
        return ops.cast(self.effective_weight(), self.compute_dtype)

    def _directions(self) -> tuple[Tensor, Tensor]:
        """Return both singular vectors, `(1, rows)` and `(1, columns)`, after one power iteration, without gradient."""
        matrix = ops.stop_gradient(self.matrix(ops.convert_to_tensor(self.stored)))
        rows = _unit(ops.matmul(self.direction, ops.transpose(matrix)))
        return rows, _unit(ops.matmul(rows, matrix))


def _unit(vector: Tensor) -> Tensor:
    return vector / ops.maximum(ops.norm(vector), 1e-12)


class Conv2D(_Reparametrized, layers.Conv2D):
    """A convolution with a reparametrised kernel."""

    kernel = property(_Reparametrized.compute_weight)


class Dense(_Reparametrized, layers.Dense):
    """A dense layer with a reparametrised kernel."""

    kernel = property(_Reparametrized.compute_weight)


class Conv2DTranspose(_Reparametrized, layers.Conv2DTranspose):
    """A transposed convolution with a reparametrised kernel."""

    def _store(self, variable: keras.Variable) -> None:
        self._kernel = variable

    kernel = property(_Reparametrized.compute_weight, _store)  # the parent assigns to a plain attribute

    def matrix(self, weight: Tensor) -> Tensor:
        """Reshape the weight `(height, width, out, in)` into a matrix with one column per output."""
        return super().matrix(ops.swapaxes(weight, -1, -2))


class Embedding(_Reparametrized, layers.Embedding):
    """An embedding with a reparametrised table.

    Args:
        around_mean: the ramp multiplies the rows' differences from their mean. At 0, all rows are the mean, not zero.
    """

    def __init__(self, *args: Any, around_mean: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.around_mean = around_mean

    def scale(self, weight: Tensor) -> Tensor:
        """Multiply the table, or its differences from the mean row, by the ramp."""
        mean = ops.mean(weight, axis=0, keepdims=True) if self.around_mean else None
        return super().scale(weight) if mean is None else mean + super().scale(weight - mean)

    weight_name = "embeddings"
    embeddings = property(_Reparametrized.compute_weight)


def reparametrized(network: keras.Model) -> list[_Reparametrized]:
    """Return the reparametrised layers of a network."""
    return [layer for layer in network.layers if isinstance(layer, _Reparametrized)]


def effective_weights(network: keras.Model) -> list[Tensor]:
    """Return the effective weights, in the order of the weights of the same network made of Keras's own layers."""
    effective: list[Tensor] = []
    for layer in network.layers:
        if not isinstance(layer, _Reparametrized):
            effective += layer.weights
            continue
        own = {id(layer.stored): layer.effective_weight()}
        left_out = {id(getattr(layer, name, None)) for name in ("direction", "ramp")}
        effective += [own.get(id(weight), weight) for weight in layer.weights if id(weight) not in left_out]
    return effective
