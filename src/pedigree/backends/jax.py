"""Gradients and devices on JAX. Keras's variables have their values in a `StatelessScope` while a step is traced."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import jax
import keras
import numpy as np
from jax import numpy as jnp
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from keras import ops

from pedigree.backends.batch import DRAWN, Batch, check_equal_parts
from pedigree.backends.devices import Device, check_gpu, cpu_device, gpu_device
from pedigree.backends.engine import Metrics, PullBack, Tensor
from pedigree.backends.jax_workers import JaxWorkers, join_processes, report_lost_process
from pedigree.backends.workers import SingleProcess, Workers, cluster_addresses, process_count
from pedigree.errors import UsageError

Updates = dict[int, Tensor]  # index in `variables` → new value


class JaxEngine:
    """Computes gradients with `jax.value_and_grad`, compiles steps with `jax.jit`, and dispatches them asynchronously.

    The step computes on the whole batch, and XLA splits the work: each device holds all variables and its part of the
    images. With several processes, the devices are those of all processes.
    """

    synchronized = False  # batch norm already computes on the whole batch

    def __init__(self, devices: Sequence[jax.Device], workers: Workers) -> None:
        self.mesh, self.workers = Mesh(np.array(devices), ("batch",)), workers
        self.variables: Sequence[keras.Variable] = ()

    @property
    def devices(self) -> int:
        """The number of devices that a batch is split over."""
        return int(self.mesh.size)

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which variables must be created: any."""
        return nullcontext()

    def layer_module(self, precision: str) -> Any:
        """Return the module whose layers are fastest at this precision: Keras's own."""
        return keras.layers

    def gradients(
        self, objective: Callable[[], tuple[Tensor, Metrics]], variables: Sequence[keras.Variable]
    ) -> tuple[Metrics, list[Tensor]]:
        """Return the metrics of `objective`, and the gradient of its loss with respect to each variable."""
        self._track(variables)

        def run(values: list[Tensor]) -> tuple[Tensor, tuple[Metrics, Updates]]:
            (loss, metrics), updates = self._run_stateless(objective, variables, values)
            return loss, (metrics, updates)

        (_, (metrics, updates)), gradients = jax.value_and_grad(run, has_aux=True)([v.value for v in variables])
        self._apply(updates)
        return metrics, gradients

    def forward(self, function: Callable[[], Tensor], variables: Sequence[keras.Variable]) -> tuple[Tensor, PullBack]:
        """Return the output of `function`, and the function that computes gradients with respect to `variables`."""
        self._track(variables)
        output, backward, updates = jax.vjp(
            lambda values: self._run_stateless(function, variables, values), [v.value for v in variables], has_aux=True
        )
        self._apply(updates)
        return output, lambda upstream: backward(upstream)[0]

    def forward_inputs(
        self, function: Callable[[Tensor], list[Tensor]], inputs: Tensor
    ) -> tuple[list[Tensor], Callable[[list[Tensor]], Tensor]]:
        """Return the outputs of `function`, and the function that computes the gradient with respect to `inputs`."""
        outputs, backward, updates = jax.vjp(
            lambda values: self._run_stateless(lambda: function(values)), inputs, has_aux=True
        )
        self._apply(updates)
        return outputs, lambda upstream: backward(upstream)[0]

    def apply(
        self, optimizer: keras.optimizers.Optimizer, gradients: list[Tensor], variables: Sequence[keras.Variable]
    ) -> None:
        """Update `variables` with their gradients."""
        optimizer.apply(gradients, variables)

    def input_gradient(
        self, function: Callable[[Tensor], Sequence[Any]], inputs: Tensor
    ) -> tuple[Sequence[Any], Tensor]:
        """Return the outputs of `function`, and the gradient of its first output's sum with respect to `inputs`."""

        def run(values: Tensor) -> tuple[Tensor, tuple[Sequence[Any], Updates]]:
            outputs, updates = self._run_stateless(lambda: function(values))
            return ops.sum(outputs[0]), (outputs, updates)

        (_, (outputs, updates)), gradient = jax.value_and_grad(run, has_aux=True)(inputs)
        self._apply(updates)
        return outputs, gradient

    def mean(self, value: Tensor) -> Tensor:
        """Return the value: it is computed on the whole batch."""
        return value

    def compile(
        self, step: Callable[[Any], Metrics], variables: Sequence[keras.Variable]
    ) -> Callable[[Any, int], dict[str, np.ndarray]]:
        """Compile a step; return a function of a batch of several steps and of the number of steps to take from it.

        The function raises a UsageError if the batch cannot be split equally on the devices.
        """
        self.variables = variables

        def one_step(values: list[Tensor], batches: Any, index: Tensor) -> tuple[list[Tensor], Metrics]:
            with keras.StatelessScope(zip(variables, values, strict=True)) as scope:
                metrics = step({name: array[index] for name, array in batches.items()})
                return [scope.get_current_value(variable) for variable in variables], metrics

        compiled = jax.jit(one_step, donate_argnums=0, out_shardings=self._sharding())

        def call(batches: Any, count: int) -> dict[str, np.ndarray]:
            values, split, all_metrics = self._donatable(variables), self._split(batches), []
            # The steps are dispatched without waiting for each other. In a loop compiled by XLA, the same convolutions
            # took nine times as long on a CPU, measured with JAX 0.10.
            with report_lost_process():
                for index in range(count):
                    values, metrics = compiled(values, split, np.int32(index))
                    all_metrics.append(metrics)
                rows: dict[str, np.ndarray] = jax.tree.map(lambda *each: np.stack(each), *jax.device_get(all_metrics))
            local = multihost_utils.global_array_to_host_local_array(values, self.mesh, PartitionSpec())
            for variable, value in zip(variables, local, strict=True):
                variable.assign(value)
            return rows

        return call

    def _sharding(self, *axes: str | None) -> NamedSharding:
        """Return a sharding that splits the axis called "batch" and replicates everything else on all devices."""
        return NamedSharding(self.mesh, PartitionSpec(*axes))

    def _donatable(self, variables: Sequence[keras.Variable]) -> list[jax.Array]:
        """Return the values of `variables`, replicated on all devices, as distinct arrays that can be donated."""
        values, replicated = [variable.value for variable in variables], PartitionSpec()
        local = NamedSharding(self.mesh.local_mesh, replicated)
        owner = {id(value): index for index, value in reversed(list(enumerate(values)))}
        owned = (value if owner[id(value)] == index else jnp.copy(value) for index, value in enumerate(values))
        placed = [value if value.sharding == local else jax.device_put(value, local) for value in owned]
        everywhere: list[jax.Array] = multihost_utils.host_local_array_to_global_array(placed, self.mesh, replicated)
        return everywhere

    def _split(self, batches: Batch) -> dict[str, Tensor]:
        """Transfer the input of a call: to every device its part of the images of each step."""
        count = self.devices
        if count == 1:
            return {name: jnp.asarray(array) for name, array in batches.items()}
        check_equal_parts(batches, count)
        shardings = dict.fromkeys(batches, self._sharding(None, None, "batch"))
        shardings |= dict.fromkeys(DRAWN, self._sharding(None, "batch")) | {"condition_strength": self._sharding()}
        return {
            name: jax.make_array_from_callback(array.shape, shardings[name], array.__getitem__)
            for name, array in cast(dict[str, np.ndarray], batches).items()
        }

    def _track(self, variables: Sequence[keras.Variable]) -> None:
        """Add `variables` to those tracked by the scopes, for gradients that are computed outside of `compile`."""
        known = {id(variable) for variable in self.variables}
        self.variables = [*self.variables, *(variable for variable in variables if id(variable) not in known)]

    def _run_stateless(
        self, function: Callable[[], Any], replaced: Sequence[keras.Variable] = (), values: Sequence[Tensor] = ()
    ) -> tuple[Any, Updates]:
        """Run `function` in a new scope in which some variables have other values.

        Args:
            function: the function to run.
            replaced: variables whose values are replaced.
            values: their new values.

        Returns:
            The result of `function`, and the values that it assigned to variables.
        """
        before = {id(variable): variable.value for variable in self.variables}
        before |= {id(variable): value for variable, value in zip(replaced, values, strict=True)}
        known = {id(variable): variable for variable in (*self.variables, *replaced)}
        with keras.StatelessScope([(known[key], value) for key, value in before.items()]) as scope:
            result = function()
            after = [scope.get_current_value(variable) for variable in self.variables]
        changed = {
            index: value
            for index, (variable, value) in enumerate(zip(self.variables, after, strict=True))
            if value is not before[id(variable)]
        }
        return result, changed

    def _apply(self, updates: Updates) -> None:
        for index, value in updates.items():
            self.variables[index].assign(value)


def make_engine(devices: str) -> JaxEngine:
    """Create the engine for the devices of this process, or of all processes that were started together.

    Args:
        devices: `train.devices`. With "one", the other processes are ignored.

    Raises:
        UsageError: TF_CONFIG names several machines, which only TensorFlow supports, the processes are not described
            completely, or `devices` is "gpu" and there is none.
    """
    if devices != "one" and len(cluster_addresses()) > 1:
        raise UsageError(
            "Only TensorFlow can train on the machines of TF_CONFIG together: set KERAS_BACKEND=tensorflow. "
            "For JAX, unset TF_CONFIG and set JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID."
        )
    workers: Workers = SingleProcess()
    if devices != "one" and process_count() > 1:
        join_processes()
        workers = JaxWorkers()
    available = jax.devices()
    gpus = [device for device in jax.local_devices() if device.platform != "cpu"]
    check_gpu(devices, len(gpus))
    several = devices == "all" or (devices in ("auto", "gpu") and bool(gpus))
    first = {device.process_index: device for device in reversed(available)}
    return JaxEngine(available if several else [first[index] for index in range(workers.count)], workers)


def find_device() -> Device:
    """Return the first GPU, or the CPU if there is none."""
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        # On a CPU, XLA gains nothing from bfloat16: 0.85 to 1.14 times the speed, measured with JAX 0.10 and AMX.
        return cpu_device(bfloat16_units=False)
    capability = getattr(device, "compute_capability", None)
    return gpu_device(device.device_kind, capability and tuple(int(part) for part in str(capability).split(".")))
