"""The gradient step and the devices, for TensorFlow: each device computes its part of a batch, and all share means."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedigree.backends import cluster, cpu_layers
from pedigree.backends.batch import portion
from pedigree.backends.devices import Device, check_equal_parts, graphics, processor
from pedigree.backends.engine import Facts, PullBack, Tensor
from pedigree.backends.workers import Alone, Workers, named


class TensorFlowEngine:
    """Gradients by `tf.GradientTape`, devices by `tf.distribute`, steps compiled as one `tf.function`."""

    def __init__(self, strategy: tf.distribute.Strategy, workers: Workers) -> None:
        self.strategy, self.workers = strategy, workers

    @property
    def devices(self) -> int:
        """Over how many devices a batch is spread."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def synchronized(self) -> bool:
        """Whether batch norm has to be told to count over all devices: each sees its part alone."""
        return self.devices > 1

    def scope(self) -> AbstractContextManager[Any]:
        """Where variables are made."""
        scope: AbstractContextManager[Any] = self.strategy.scope()
        return scope

    def layers(self, precision: str) -> Any:
        """Return what has the layers, by Keras's names, that train fastest in a precision."""
        on_cpu = not tf.config.list_physical_devices("GPU")
        return cpu_layers if on_cpu and precision == "bfloat16" else keras.layers

    def gradients(
        self, objective: Callable[[], tuple[Tensor, Facts]], variables: Sequence[keras.Variable]
    ) -> tuple[Facts, list[Tensor]]:
        """Return what `objective` tells, and the gradient of its loss by each variable, meaned over devices."""
        watched = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            loss, facts = objective()
        gradients = tape.gradient(loss, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return facts, self.mean([tf.convert_to_tensor(gradient) for gradient in gradients])

    def forward(self, function: Callable[[], Tensor], variables: Sequence[keras.Variable]) -> tuple[Tensor, PullBack]:
        """Return what `function` computes, and what takes the gradient back to `variables`, averaged over devices."""
        watched = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            output = function()

        def pull_back(slope: Tensor) -> list[Tensor]:
            zero = tf.UnconnectedGradients.ZERO
            gradients = tape.gradient(output, watched, output_gradients=slope, unconnected_gradients=zero)
            averaged: list[Tensor] = self.mean([tf.convert_to_tensor(gradient) for gradient in gradients])
            return averaged

        return output, pull_back

    def apply(
        self, optimizer: keras.optimizers.Optimizer, gradients: list[Tensor], variables: Sequence[keras.Variable]
    ) -> None:
        """Let the optimizer take a step by gradients that are the same on all devices."""
        if not _replicas():
            optimizer.apply(gradients, variables)
            return
        # `Optimizer.apply` would add the devices' gradients up. Here each device moves its own copy of the variables.
        for gradient, variable in zip(gradients, variables, strict=True):
            optimizer.update_step(gradient, variable, optimizer.learning_rate)
        optimizer.iterations.assign_add(1)

    def slope(self, function: Callable[[Tensor], Sequence[Any]], pictures: Tensor) -> tuple[Sequence[Any], Tensor]:
        """Return the outputs of `function`, and the gradient of the first one's sum with respect to `pictures`."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pictures)
            outputs = function(pictures)
        return outputs, tape.gradient(outputs[0], pictures)

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a value, or of each of a list, over devices."""
        if context := _replicas():
            return context.all_reduce(tf.distribute.ReduceOp.MEAN, value)
        return value

    def compile(
        self, step: Callable[[Any], Facts], variables: Sequence[keras.Variable], capacity: int
    ) -> Callable[[Any, int], dict[str, np.ndarray]]:
        """Return a function that takes the first so many of `capacity` stacked steps; its facts are `(steps, …)`.

        Raises:
            UsageError: when called, where a batch has no equal parts for the devices.
        """
        packing = _Packing()

        def one(batches: dict[str, Tensor], place: Tensor) -> Tensor:
            return self.mean(packing.packed(step({name: array[place] for name, array in batches.items()})))

        @tf.function  # type: ignore[untyped-decorator]
        def steps(batches: dict[str, Tensor], count: Tensor) -> Tensor:
            told = tf.TensorArray(tf.float32, count)
            for place in tf.range(count):
                rows = self.strategy.run(one, (batches, place))
                told = told.write(place, self.strategy.experimental_local_results(rows)[0])
            return told.stack()

        def call(batches: Any, count: int) -> dict[str, np.ndarray]:
            with cluster.watched():
                return packing.unpacked(steps(self._spread(batches), tf.constant(count)).numpy())

        return call

    def _spread(self, batches: Any) -> dict[str, Tensor]:
        """Give every device its part of each step's pictures."""
        count = self.devices
        if count == 1:
            return dict(batches)
        check_equal_parts(batches, count)

        def part(device: tf.distribute.experimental.ValueContext) -> dict[str, Tensor]:
            arrays = portion(batches, device.replica_id_in_sync_group, count)
            return {name: tf.constant(array) for name, array in arrays.items()}

        spread: dict[str, Tensor] = self.strategy.experimental_distribute_values_from_function(part)
        return spread


def _replicas() -> tf.distribute.ReplicaContext | None:
    """Return the context of a step that is written for one of several devices, None elsewhere."""
    context = tf.distribute.get_replica_context()
    return context if context is not None and context.num_replicas_in_sync > 1 else None


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
    """Return the engine for `train.devices`: this machine's, or unless that is "one" those of TF_CONFIG's machines.

    Raises:
        UsageError: TF_CONFIG says something else.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if gpus:
        tf.config.experimental.enable_op_determinism()  # else a resumed run is not, bit for bit, one left alone
    if devices != "one" and len(named()) > 1:
        joined = cluster.strategy()
        return TensorFlowEngine(joined, cluster.Cluster(joined))
    several = devices == "all" or (devices == "auto" and len(gpus) > 1)
    found = tf.config.list_logical_devices("GPU" if gpus else "CPU") if several else []
    mirrored = _mirrored(tuple(device.name for device in found)) if len(found) > 1 else None
    return TensorFlowEngine(mirrored or tf.distribute.get_strategy(), Alone())


@cache  # a second one in a process would number its all-reduces as the first one does, and TensorFlow mix them up
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(devices)


def find_device() -> Device:
    """Find the GPU, or else the CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return processor()
    details = tf.config.experimental.get_device_details(gpus[0])
    return graphics(details.get("device_name", "GPU"), details.get("compute_capability"))
