"""The interface between the training step and Keras's backend."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import keras

from pedigree.backends.workers import Workers

Tensor = Any
Metrics = dict[str, Tensor]  # name → scalar, or a vector with one number per weight
PullBack = Callable[[Tensor], list[Tensor]]  # gradient with respect to an output → gradients with respect to weights


class Engine(Protocol):
    """What the training step needs from a backend."""

    @property
    def workers(self) -> Workers:
        """The processes that train together."""

    @property
    def devices(self) -> int:
        """The number of devices that a batch is split over."""

    @property
    def synchronized(self) -> bool:
        """Whether batch norm must be `synchronized` to compute its statistics over all devices."""

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which variables must be created."""

    def layer_module(self, precision: str) -> Any:
        """Return the module whose Conv2D, Conv2DTranspose and Dense are fastest at this precision."""

    def gradients(
        self, objective: Callable[[], tuple[Tensor, Metrics]], variables: Sequence[keras.Variable]
    ) -> tuple[Metrics, list[Tensor]]:
        """Compute the gradients of a loss, averaged over devices.

        Args:
            objective: returns the loss, a scalar, and metrics.
            variables: the variables to differentiate with respect to.

        Returns:
            The metrics, and one gradient per variable.
        """

    def forward(self, function: Callable[[], Tensor], variables: Sequence[keras.Variable]) -> tuple[Tensor, PullBack]:
        """Run the forward pass of `function` and return its output with its backward pass.

        Args:
            function: returns a tensor.
            variables: the variables to differentiate with respect to.

        Returns:
            The output of `function`, and its backward pass: a function from the gradient with respect to the output to
            the gradients with respect to `variables`, averaged over devices. It can be called once. Other gradients and
            updates may be computed before that.
        """

    def forward_inputs(
        self, function: Callable[[Tensor], list[Tensor]], inputs: Tensor
    ) -> tuple[list[Tensor], Callable[[list[Tensor]], Tensor]]:
        """Run the forward pass of `function` on `inputs` and return its outputs with its backward pass.

        Returns:
            The outputs, and a function from the gradients with respect to them to the one with respect to `inputs`. It
            can be called once. Other gradients and updates may be computed before that.
        """

    def apply(
        self, optimizer: keras.optimizers.Optimizer, gradients: list[Tensor], variables: Sequence[keras.Variable]
    ) -> None:
        """Update `variables` with gradients that were averaged over devices."""

    def input_gradient(
        self, function: Callable[[Tensor], Sequence[Any]], inputs: Tensor
    ) -> tuple[Sequence[Any], Tensor]:
        """Return the outputs of `function`, and the gradient of its first output's sum with respect to `inputs`.

        `inputs` may be a list of tensors. The gradient can itself be differentiated.
        """

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a value over devices."""

    def compile(
        self, step: Callable[[Any], Metrics], variables: Sequence[keras.Variable]
    ) -> Callable[[Any, int], Metrics]:
        """Compile a step.

        Args:
            step: trains on the batch of one step and returns its metrics.
            variables: all variables that the step changes.

        Returns:
            A function of a batch of several steps, always equally many, and of the number of steps to take from it. It
            returns the metrics of these steps, with shape `(steps, …)`.
        """
