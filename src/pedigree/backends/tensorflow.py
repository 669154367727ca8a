"""The gradient step and the devices, for TensorFlow."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedigree.backends.devices import Device, processor
from pedigree.gan import Facts

Tensor = Any


class TensorFlowEngine:
    """Gradients by `tf.GradientTape`, devices by `tf.distribute`, steps compiled as one `tf.function`."""

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.strategy = strategy

    @property
    def devices(self) -> int:
        """Over how many devices a batch is spread."""
        return int(self.strategy.num_replicas_in_sync)

    def scope(self) -> AbstractContextManager[Any]:
        """Where variables are made."""
        scope: AbstractContextManager[Any] = self.strategy.scope()
        return scope

    def gradients(
        self, objective: Callable[[], tuple[Tensor, Facts]], variables: Sequence[keras.Variable]
    ) -> tuple[Facts, list[Tensor]]:
        """Return what `objective` tells, and the gradient of its loss by each variable, meaned over devices."""
        watched = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            loss, facts = objective()
        gradients = tape.gradient(loss, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return facts, [self.mean(tf.convert_to_tensor(gradient)) for gradient in gradients]

    def slope(self, function: Callable[[Tensor], list[Tensor]], pictures: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return what `function` gives, and the gradient of its first output's sum by the pictures, differentiable."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pictures)
            outputs = function(pictures)
        return outputs, tape.gradient(outputs[0], pictures)

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a value over devices."""
        return value

    def compile(
        self, step: Callable[[Any], Facts], variables: Sequence[keras.Variable], capacity: int
    ) -> Callable[[Any, int], dict[str, np.ndarray]]:
        """Return a function that takes the first so many of `capacity` stacked steps; its facts are `(steps, …)`."""
        packing = _Packing()

        @tf.function  # type: ignore[untyped-decorator]
        def steps(batches: dict[str, Tensor], count: Tensor) -> Tensor:
            told = tf.TensorArray(tf.float32, count)
            for place in tf.range(count):
                facts = step({name: array[place] for name, array in batches.items()})
                told = told.write(place, packing.packed(facts))
            return told.stack()

        def call(batches: Any, count: int) -> dict[str, np.ndarray]:
            return packing.unpacked(steps(batches, tf.constant(count)).numpy())

        return call


class _Packing:
    """One vector for all that a step tells, so that a loop can collect it."""

    def packed(self, facts: Facts) -> Tensor:
        self.shapes = {name: tuple(fact.shape) for name, fact in facts.items()}
        return tf.concat([tf.reshape(tf.cast(fact, tf.float32), (-1,)) for fact in facts.values()], 0)

    def unpacked(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])
        parts = np.split(rows, ends[:-1], axis=1)
        return {
            name: part.reshape((len(rows), *shape))
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }


def make_engine(devices: str) -> TensorFlowEngine:
    """Return the engine for `train.devices`."""
    return TensorFlowEngine(tf.distribute.get_strategy())


def find_device() -> Device:
    """Find the GPU, its memory taken as needed, or else the CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return processor()
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    details = tf.config.experimental.get_device_details(gpus[0])
    return Device("gpu", details.get("device_name", "GPU"))
