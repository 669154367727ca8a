"""What must know Keras's backend: the gradient step and the devices, one small file a backend."""

from importlib import import_module
from typing import TYPE_CHECKING

import keras

from pedigree.errors import UsageError

if TYPE_CHECKING:
    from pedigree.gan import Engine

BACKENDS = ("tensorflow", "jax")


def make_engine(devices: str) -> "Engine":
    """Return the engine of the backend that Keras runs on, over `train.devices` devices.

    Raises:
        UsageError: Keras runs on a backend that has none.
    """
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise UsageError(f"KERAS_BACKEND must be {' or '.join(BACKENDS)} to train. Received: {backend}")
    engine: Engine = import_module(f"pedigree.backends.{backend}").make_engine(devices)
    return engine
