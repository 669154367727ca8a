"""The gradient step and the devices, for JAX: Keras's variables live in `StatelessScope`s while a step is traced."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp
from keras import ops

from pedigree.backends.devices import Device, processor
from pedigree.gan import Facts

Tensor = Any
Updates = dict[int, Tensor]  # place in `variables` → new value


class JaxEngine:
    """Gradients by `jax.value_and_grad`, steps compiled as one `jax.jit`."""

    def __init__(self) -> None:
        self.variables: Sequence[keras.Variable] = ()

    @property
    def devices(self) -> int:
        """Over how many devices a batch is spread."""
        return 1

    def scope(self) -> AbstractContextManager[Any]:
        """Where variables are made."""
        return nullcontext()

    def gradients(
        self, objective: Callable[[], tuple[Tensor, Facts]], variables: Sequence[keras.Variable]
    ) -> tuple[Facts, list[Tensor]]:
        """Return what `objective` tells, and the gradient of its loss by each variable, meaned over devices."""

        def run(values: list[Tensor]) -> tuple[Tensor, tuple[Facts, Updates]]:
            (loss, facts), updates = self._apart(objective, variables, values)
            return loss, (facts, updates)

        (_, (facts, updates)), gradients = jax.value_and_grad(run, has_aux=True)([v.value for v in variables])
        self._apply(updates)
        return facts, gradients

    def slope(self, function: Callable[[Tensor], list[Tensor]], pictures: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return what `function` gives, and the gradient of its first output's sum by the pictures, differentiable."""

        def run(seen: Tensor) -> tuple[Tensor, tuple[list[Tensor], Updates]]:
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
        """Return a function that takes the first so many of `capacity` stacked steps; its facts are `(steps, …)`."""
        self.variables = variables

        def one(values: list[Tensor], batch: Any) -> tuple[list[Tensor], Facts]:
            with keras.StatelessScope(zip(variables, values, strict=True)) as scope:
                facts = step(batch)
                return [scope.get_current_value(variable) for variable in variables], facts

        @jax.jit
        def steps(values: list[Tensor], batches: Any, count: Tensor) -> tuple[list[Tensor], Facts]:
            def at(place: Tensor) -> Any:
                return {name: array[place] for name, array in batches.items()}

            def body(place: Tensor, carried: tuple[list[Tensor], Facts]) -> tuple[list[Tensor], Facts]:
                values, facts = one(carried[0], at(place))
                return values, jax.tree.map(lambda rows, row: rows.at[place].set(row), carried[1], facts)

            shapes = jax.eval_shape(one, values, at(0))[1]
            told = jax.tree.map(lambda fact: jnp.zeros((capacity, *fact.shape), fact.dtype), shapes)
            done: tuple[list[Tensor], Facts] = jax.lax.fori_loop(0, count, body, (values, told))
            return done

        def call(batches: Any, count: int) -> dict[str, np.ndarray]:
            values, told = steps([variable.value for variable in variables], dict(batches), count)
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
            return {name: np.asarray(rows)[:count] for name, rows in told.items()}

        return call

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
    """Return the engine for `train.devices`."""
    return JaxEngine()


def find_device() -> Device:
    """Find the first GPU, or else the CPU."""
    device = jax.devices()[0]
    return processor() if device.platform == "cpu" else Device("gpu", device.device_kind)
