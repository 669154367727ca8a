"""Gradients and devices on TensorFlow. Each replica computes on its part of a batch; gradients are averaged."""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedigree.backends import cluster, cpu_layers
from pedigree.backends.batch import check_equal_parts, portion
from pedigree.backends.devices import Device, check_gpu, cpu_device, gpu_device
from pedigree.backends.engine import Metrics, PullBack, Tensor
from pedigree.backends.workers import COUNT, SingleProcess, Workers, cluster_addresses
from pedigree.errors import UsageError


class TensorFlowEngine:
    """Computes gradients with `tf.GradientTape` on the replicas of a `tf.distribute` strategy, as one `tf.function`."""

    def __init__(self, strategy: tf.distribute.Strategy, workers: Workers) -> None:
        self.strategy, self.workers = strategy, workers

    @property
    def devices(self) -> int:
        """The number of devices that a batch is split over."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def synchronized(self) -> bool:
        """Whether batch norm must be `synchronized`: a replica has only its part of the batch."""
        return self.devices > 1

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which variables must be created."""
        scope: AbstractContextManager[Any] = self.strategy.scope()
        return scope

    def layer_module(self, precision: str) -> Any:
        """Return the module whose Conv2D, Conv2DTranspose and Dense are fastest at this precision."""
        on_cpu = not tf.config.list_physical_devices("GPU")
        return cpu_layers if on_cpu and precision == "bfloat16" else keras.layers

    def gradients(
        self, objective: Callable[[], tuple[Tensor, Metrics]], variables: Sequence[keras.Variable]
    ) -> tuple[Metrics, list[Tensor]]:
        """Return the metrics of `objective`, and the gradients of its loss, averaged over devices."""
        watched = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            loss, metrics = objective()
        gradients = tape.gradient(loss, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return metrics, self.mean([tf.convert_to_tensor(gradient) for gradient in gradients])

    def forward(self, function: Callable[[], Tensor], variables: Sequence[keras.Variable]) -> tuple[Tensor, PullBack]:
        """Return the output of `function`, and the function that computes gradients with respect to `variables`."""
        watched = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            output = function()

        def pull_back(upstream: Tensor) -> list[Tensor]:
            zero = tf.UnconnectedGradients.ZERO
            gradients = tape.gradient(output, watched, output_gradients=upstream, unconnected_gradients=zero)
            averaged: list[Tensor] = self.mean([tf.convert_to_tensor(gradient) for gradient in gradients])
            return averaged

        return output, pull_back

    def forward_inputs(
        self, function: Callable[[Tensor], list[Tensor]], inputs: Tensor
    ) -> tuple[list[Tensor], Callable[[list[Tensor]], Tensor]]:
        """Return the outputs of `function`, and the function that computes the gradient with respect to `inputs`."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        return outputs, lambda upstream: tape.gradient(outputs, inputs, output_gradients=upstream)

    def apply(
        self, optimizer: keras.optimizers.Optimizer, gradients: list[Tensor], variables: Sequence[keras.Variable]
    ) -> None:
        """Update `variables` with gradients that are the same on all devices."""
        if not _replicas():
            optimizer.apply(gradients, variables)
            return
        # `Optimizer.apply` would add up the replicas' gradients. Here, each replica updates its own copy of a variable.
        for gradient, variable in zip(gradients, variables, strict=True):
            optimizer.update_step(gradient, variable, optimizer.learning_rate)
        optimizer.iterations.assign_add(1)

    def input_gradient(
        self, function: Callable[[Tensor], Sequence[Any]], inputs: Tensor
    ) -> tuple[Sequence[Any], Tensor]:
        """Return the outputs of `function`, and the gradient of its first output's sum with respect to `inputs`."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        return outputs, tape.gradient(outputs[0], inputs)

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a value, or of each of a list, over devices."""
        if context := _replicas():
            return context.all_reduce(tf.distribute.ReduceOp.MEAN, value)
        return value

    def compile(
        self, step: Callable[[Any], Metrics], variables: Sequence[keras.Variable]
    ) -> Callable[[Any, int], dict[str, np.ndarray]]:
        """Compile a step; return a function of a batch of several steps and of the number of steps to take from it.

        The function raises a UsageError if the batch cannot be split equally on the devices.
        """
        packing = _MetricsPacking()

        def one_step(batches: dict[str, Tensor], index: Tensor) -> Tensor:
            return self.mean(packing.pack(step({name: array[index] for name, array in batches.items()})))

        # AutoGraph would rewrite the source of every function of the step, which takes as long as tracing it.
        @tf.function(autograph=False)  # type: ignore[untyped-decorator]
        def steps(batches: dict[str, Tensor], count: Tensor) -> Tensor:
            def body(index: Tensor, rows: tf.TensorArray) -> tuple[Tensor, tf.TensorArray]:
                row = self.strategy.run(one_step, (batches, index))
                return index + 1, rows.write(index, self.strategy.experimental_local_results(row)[0])

            start = tf.constant(0), tf.TensorArray(tf.float32, count)
            return tf.while_loop(lambda index, _: index < count, body, start)[1].stack()

        def call(batches: Any, count: int) -> dict[str, np.ndarray]:
            with cluster.report_lost_worker():
                return packing.unpack(steps(self._split(batches), tf.constant(count)).numpy())

        return call

    def _split(self, batches: Any) -> dict[str, Tensor]:
        """Return the batch with each device's part of the images of each step."""
        count = self.devices
        if count == 1:
            return dict(batches)
        check_equal_parts(batches, count)

        def part(device: tf.distribute.experimental.ValueContext) -> dict[str, Tensor]:
            arrays = portion(batches, device.replica_id_in_sync_group, count)
            return {name: tf.constant(array) for name, array in arrays.items()}

        split: dict[str, Tensor] = self.strategy.experimental_distribute_values_from_function(part)
        return split


def _replicas() -> tf.distribute.ReplicaContext | None:
    """Return the replica context if there are several replicas, otherwise None."""
    context = tf.distribute.get_replica_context()
    return context if context is not None and context.num_replicas_in_sync > 1 else None


class _MetricsPacking:
    """Packs the metrics of a step into one vector, which a `tf.TensorArray` can collect, and unpacks them again."""

    def pack(self, metrics: Metrics) -> Tensor:
        self.shapes = {name: tuple(value.shape) for name, value in metrics.items()}
        return tf.concat([tf.reshape(tf.cast(value, tf.float32), (-1,)) for value in metrics.values()], 0)

    def unpack(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])
        parts = np.split(rows, ends[:-1], axis=1)
        return {
            name: part.reshape((len(rows), *shape))
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }


def make_engine(devices: str) -> TensorFlowEngine:
    """Create the engine for the devices of this machine, or of all machines of TF_CONFIG.

    Args:
        devices: `train.devices`. With "one", TF_CONFIG is ignored.

    Raises:
        UsageError: TF_CONFIG does not describe a cluster of workers, the processes are described for JAX, or `devices`
            is "gpu" and there is none.
    """
    if devices != "one" and os.environ.get(COUNT, "1") != "1":
        raise UsageError(f"Only JAX can train with the processes of {COUNT} together: set KERAS_BACKEND=jax.")
    gpus = tf.config.list_physical_devices("GPU")
    check_gpu(devices, len(gpus))
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if gpus:
        tf.config.experimental.enable_op_determinism()  # so that a resumed run has the same results bit for bit
    # The remapper, which fuses operations, fails on some gradients of activations. Which operations it has fused by
    # then differs between processes, and fused ones round differently. Fusion would save 10 to 20 % of a step's time.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    if devices != "one" and len(cluster_addresses()) > 1:
        strategy = cluster.join_cluster()
        return TensorFlowEngine(strategy, cluster.Cluster(strategy))
    several = devices == "all" or (devices in ("auto", "gpu") and len(gpus) > 1)
    available = tf.config.list_logical_devices("GPU" if gpus else "CPU") if several else []
    mirrored = _mirrored_strategy(tuple(device.name for device in available)) if len(available) > 1 else None
    return TensorFlowEngine(mirrored or tf.distribute.get_strategy(), SingleProcess())


@cache  # a second strategy would use the same collective keys as the first, and TensorFlow would confuse the two
def _mirrored_strategy(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(devices)


def find_device() -> Device:
    """Return the first GPU, or the CPU if there is none."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return cpu_device()
    details = tf.config.experimental.get_device_details(gpus[0])
    return gpu_device(details.get("device_name", "GPU"), details.get("compute_capability"))
