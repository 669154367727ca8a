"""The code that depends on Keras's backend: gradients and devices, one module per backend."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pedigree.errors import UsageError

if TYPE_CHECKING:
    from pedigree.backends.devices import Device
    from pedigree.backends.engine import Engine

BACKENDS = ("tensorflow", "jax")


def make_engine(devices: str) -> "Engine":
    """Create the engine of Keras's current backend.

    Args:
        devices: `train.devices`.

    Raises:
        UsageError: Keras's backend is not supported, or `devices` is "gpu" and the backend sees none.
    """
    engine: Engine = _backend().make_engine(devices)
    return engine


def find_device() -> "Device":
    """Return the device that the backend trains on.

    Raises:
        UsageError: Keras's backend is not supported.
    """
    device: Device = _backend().find_device()
    return device


def _backend() -> Any:
    import keras  # here, so that modules that need no backend are imported without it

    name = keras.backend.backend()
    if name not in BACKENDS:
        raise UsageError(f"KERAS_BACKEND must be {' or '.join(BACKENDS)} to train. Received: {name}")
    return import_module(f"pedigree.backends.{name}")
