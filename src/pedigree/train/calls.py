"""Calls of several training steps: one compiled function for any number of steps up to a capacity."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from pedigree.backends.engine import Engine, Metrics


def compile_calls(
    engine: Engine, step: Callable[[Any], Metrics], variables: Sequence[keras.Variable], capacity: int
) -> Callable[[Mapping[str, Any]], Metrics]:
    """Compile a training step for several steps per call.

    Args:
        engine: the engine of the backend.
        step: trains on the batch of one step and returns its metrics.
        variables: all variables that the step changes.
        capacity: maximum number of steps per call.

    Returns:
        A function from a batch of at most `capacity` steps to their metrics, `(steps, …)`.
    """
    steps = engine.compile(step, variables)

    def take(batch: Mapping[str, Any]) -> Metrics:
        padded = {name: _pad(array, capacity) for name, array in batch.items()}
        return steps(padded, len(next(iter(batch.values()))))

    return take


def _pad(array: Any, capacity: int) -> Any:
    """Pad an array with zeros to `capacity` rows, so that the compiled function works for any number of steps."""
    missing = capacity - len(array)
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array
