"""What must know Keras's backend: the gradient step and the devices, one small file a backend."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import keras

from pedigree.errors import UsageError

if TYPE_CHECKING:
    from pedigree.backends.devices import Device
    from pedigree.backends.engine import Engine

BACKENDS = ("tensorflow", "jax")


def make_engine(devices: str) -> "Engine":
    """Return the engine of the backend that Keras runs on, over `train.devices` devices.

    Raises:
        UsageError: Keras runs on a backend that has none.
    """
    engine: Engine = _backend().make_engine(devices)
    return engine


def find_device() -> "Device":
    """Return what the backend trains on; raises as `make_engine` does."""
    device: Device = _backend().find_device()
    return device


def _backend() -> Any:
    name = keras.backend.backend()
    if name not in BACKENDS:
        raise UsageError(f"KERAS_BACKEND must be {' or '.join(BACKENDS)} to train. Received: {name}")
    return import_module(f"pedigree.backends.{name}")
