"""The precision that networks compute in."""

from pedigree.backends.devices import Device


def choose(precision: str, device: Device) -> str:
    """Return "float32" or "bfloat16" for `train.precision`. "auto" is bfloat16 if the device has units for it.

    The choice depends only on the device, and not on a measurement, so that two runs on one machine agree.
    """
    if precision != "auto":
        return precision
    return "bfloat16" if device.bfloat16 else "float32"
