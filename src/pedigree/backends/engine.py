"""What a backend does for the GAN."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import keras

from pedigree.backends.workers import Workers

Tensor = Any
Facts = dict[str, Tensor]  # what a step reports: name → scalar, or a vector with one number per weight
PullBack = Callable[[Tensor], list[Tensor]]  # gradient with respect to an output → gradients with respect to weights


class Engine(Protocol):
    """What a backend does for the GAN."""

    @property
    def workers(self) -> Workers:
        """The processes that train together."""

    @property
    def devices(self) -> int:
        """Over how many devices a batch is spread."""

    @property
    def synchronized(self) -> bool:
        """Whether batch norm has to be told to count over all devices."""

    def scope(self) -> AbstractContextManager[Any]:
        """Where variables are made."""

    def layers(self, precision: str) -> Any:
        """Return what has the layers, by Keras's names, that train fastest in a precision."""

    def gradients(
        self, objective: Callable[[], tuple[Tensor, Facts]], variables: Sequence[keras.Variable]
    ) -> tuple[Facts, list[Tensor]]:
        """Return what `objective` tells, and the gradient of its loss by each variable, meaned over devices."""

    def forward(self, function: Callable[[], Tensor], variables: Sequence[keras.Variable]) -> tuple[Tensor, PullBack]:
        """Return what `function` computes, and what takes the gradient back to `variables`, averaged over devices.

        The function that comes second may be called once, after other gradients and updates.
        """

    def apply(
        self, optimizer: keras.optimizers.Optimizer, gradients: list[Tensor], variables: Sequence[keras.Variable]
    ) -> None:
        """Let the optimizer take a step by what `gradients` returned."""

    def slope(self, function: Callable[[Tensor], Sequence[Any]], pictures: Tensor) -> tuple[Sequence[Any], Tensor]:
        """Return the outputs of `function`, and the gradient of the first one's sum with respect to `pictures`.

        The gradient is itself differentiable.
        """

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a value over devices."""

    def compile(
        self, step: Callable[[Any], Facts], variables: Sequence[keras.Variable], capacity: int
    ) -> Callable[[Any, int], Facts]:
        """Return a function that takes the first so many of `capacity` stacked steps; its facts are `(steps, …)`."""
