"""The gradient step and the devices, for JAX: Keras's variables live in `StatelessScope`s while a step is traced."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from keras import ops

from pedigree.backends.batch import DRAWN, Batch
from pedigree.backends.devices import Device, check_equal_parts, graphics, processor
from pedigree.backends.engine import Facts, PullBack, Tensor
from pedigree.backends.workers import Alone, Workers, named
from pedigree.errors import UsageError

Updates = dict[int, Tensor]  # place in `variables` → new value


class JaxEngine:
    """Gradients by `jax.value_and_grad`, a step compiled by `jax.jit`, the steps of a call on their way together.

    The step is written for the whole batch, and XLA divides its work among the devices: each holds all variables and
    its part of the pictures.
    """

    workers: Workers = Alone()
    synchronized = False  # batch norm sees the whole batch, on however many devices it lies

    def __init__(self, devices: Sequence[jax.Device]) -> None:
        self.mesh = Mesh(np.array(devices), ("batch",))
        self.variables: Sequence[keras.Variable] = ()

    @property
    def devices(self) -> int:
        """Over how many devices a batch is spread."""
        return int(self.mesh.size)

    def scope(self) -> AbstractContextManager[Any]:
        """Where variables are made."""
        return nullcontext()

    def layers(self, precision: str) -> Any:
        """Return what has the layers, by Keras's names, that train fastest in a precision: Keras's own."""
        return keras.layers

    def gradients(
        self, objective: Callable[[], tuple[Tensor, Facts]], variables: Sequence[keras.Variable]
    ) -> tuple[Facts, list[Tensor]]:
        """Return what `objective` tells, and the gradient of its loss by each variable, meaned over devices."""
        self._know(variables)

        def run(values: list[Tensor]) -> tuple[Tensor, tuple[Facts, Updates]]:
            (loss, facts), updates = self._apart(objective, variables, values)
            return loss, (facts, updates)

        (_, (facts, updates)), gradients = jax.value_and_grad(run, has_aux=True)([v.value for v in variables])
        self._apply(updates)
        return facts, gradients

    def forward(self, function: Callable[[], Tensor], variables: Sequence[keras.Variable]) -> tuple[Tensor, PullBack]:
        """Return what `function` computes, and what takes the gradient back to `variables`, averaged over devices."""
        self._know(variables)
        output, back, updates = jax.vjp(
            lambda values: self._apart(function, variables, values), [v.value for v in variables], has_aux=True
        )
        self._apply(updates)
        return output, lambda slope: back(slope)[0]

    def apply(
        self, optimizer: keras.optimizers.Optimizer, gradients: list[Tensor], variables: Sequence[keras.Variable]
    ) -> None:
        """Let the optimizer take a step by what `gradients` returned."""
        optimizer.apply(gradients, variables)

    def slope(self, function: Callable[[Tensor], Sequence[Any]], pictures: Tensor) -> tuple[Sequence[Any], Tensor]:
        """Return the outputs of `function`, and the gradient of the first one's sum with respect to `pictures`."""

        def run(seen: Tensor) -> tuple[Tensor, tuple[Sequence[Any], Updates]]:
            outputs, updates = self._apart(lambda: function(seen))
            return ops.sum(outputs[0]), (outputs, updates)

        (_, (outputs, updates)), slopes = jax.value_and_grad(run, has_aux=True)(pictures)
        self._apply(updates)
        return outputs, slopes

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a value over devices: it is one already."""
        return value

    def compile(
        self, step: Callable[[Any], Facts], variables: Sequence[keras.Variable], capacity: int
    ) -> Callable[[Any, int], dict[str, np.ndarray]]:
        """Return a function that takes the first so many of `capacity` stacked steps; its facts are `(steps, …)`.

        Raises:
            UsageError: when called, where a batch has no equal parts for the devices.
        """
        self.variables = variables

        def one(values: list[Tensor], batches: Any, place: Tensor) -> tuple[list[Tensor], Facts]:
            with keras.StatelessScope(zip(variables, values, strict=True)) as scope:
                facts = step({name: array[place] for name, array in batches.items()})
                return [scope.get_current_value(variable) for variable in variables], facts

        compiled = jax.jit(one, donate_argnums=0, out_shardings=self._layout())

        def call(batches: Any, count: int) -> dict[str, np.ndarray]:
            values, spread, told = self._owned(variables), self._spread(batches), []
            # Steps are queued here without waiting for each other. A loop that XLA compiles runs the same convolutions
            # nine times as slowly on a CPU, measured with JAX 0.10.
            for place in range(count):
                values, facts = compiled(values, spread, np.int32(place))
                told.append(facts)
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
            rows: dict[str, np.ndarray] = jax.tree.map(lambda *facts: np.stack(facts), *jax.device_get(told))
            return rows

        return call

    def _layout(self, *axes: str | None) -> NamedSharding:
        """Lay an array out: whole on every device, but for an axis called batch, of which each has its part."""
        return NamedSharding(self.mesh, PartitionSpec(*axes))

    def _owned(self, variables: Sequence[keras.Variable]) -> list[jax.Array]:
        """Return values to give away, whole on every device; of those that two variables share, the second's a copy."""
        values, whole = [variable.value for variable in variables], self._layout()
        owner = {id(value): place for place, value in reversed(list(enumerate(values)))}
        owned = (value if owner[id(value)] == place else jnp.copy(value) for place, value in enumerate(values))
        return [value if value.sharding == whole else jax.device_put(value, whole) for value in owned]

    def _spread(self, batches: Batch) -> dict[str, Tensor]:
        """Bring a call's input over at once: to every device its part of each step's pictures."""
        count = self.devices
        if count == 1:
            return {name: jnp.asarray(array) for name, array in batches.items()}
        check_equal_parts(batches, count)
        layouts = dict.fromkeys(batches, self._layout(None, None, "batch"))
        layouts |= dict.fromkeys(DRAWN, self._layout(None, "batch")) | {"condition_strength": self._layout()}
        spread: dict[str, Tensor] = jax.device_put(dict(batches), layouts)
        return spread

    def _know(self, variables: Sequence[keras.Variable]) -> None:
        """Have the scopes within a step carry `variables` too, where a gradient is taken outside of `compile`."""
        known = {id(variable) for variable in self.variables}
        self.variables = [*self.variables, *(variable for variable in variables if id(variable) not in known)]

    def _apart(
        self, function: Callable[[], Any], replaced: Sequence[keras.Variable] = (), values: Sequence[Tensor] = ()
    ) -> tuple[Any, Updates]:
        """Run a function in a scope of its own, with the values of some variables replaced; return what it assigned."""
        before = {id(variable): variable.value for variable in self.variables}
        before |= {id(variable): value for variable, value in zip(replaced, values, strict=True)}
        known = {id(variable): variable for variable in (*self.variables, *replaced)}
        with keras.StatelessScope([(known[key], value) for key, value in before.items()]) as scope:
            result = function()
            after = [scope.get_current_value(variable) for variable in self.variables]
        changed = {
            place: value
            for place, (variable, value) in enumerate(zip(self.variables, after, strict=True))
            if value is not before[id(variable)]
        }
        return result, changed

    def _apply(self, updates: Updates) -> None:
        for place, value in updates.items():
            self.variables[place].assign(value)


def make_engine(devices: str) -> JaxEngine:
    """Return the engine for `train.devices`: this machine's.

    Raises:
        UsageError: TF_CONFIG names several machines, which only TensorFlow trains on.
    """
    if devices != "one" and len(named()) > 1:
        raise UsageError(
            "The machines of TF_CONFIG train together on TensorFlow alone: set KERAS_BACKEND=tensorflow; "
            "or unset TF_CONFIG, or set train.devices: one, for this machine by itself."
        )
    found = jax.devices()
    several = devices == "all" or (devices == "auto" and found[0].platform != "cpu")
    return JaxEngine(found if several else found[:1])


def find_device() -> Device:
    """Find the first GPU, or else the CPU."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        # XLA gains nothing from bfloat16 on a processor: 0.85 to 1.14 times, measured with JAX 0.10 and AMX.
        return processor(bfloat16_units=False)
    capability = getattr(device, "compute_capability", None)
    return graphics(device.device_kind, capability and tuple(int(part) for part in str(capability).split(".")))
