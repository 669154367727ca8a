"""The device that training runs on."""

from dataclasses import dataclass
from pathlib import Path

from pedigree.errors import UsageError

BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}  # of x86 processors, by their names in /proc/cpuinfo
BFLOAT16_CAPABILITY = (8, 0)  # CUDA compute capability from which GPUs have bfloat16 units
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Device:
    """The device that training runs on.

    Attributes:
        kind: "cpu" or "gpu".
        name: the manufacturer's name.
        bfloat16: whether it has bfloat16 units that the backend uses.
    """

    kind: str
    name: str
    bfloat16: bool


def cpu_device(bfloat16_units: bool = True) -> Device:
    """Return this machine's CPU.

    Args:
        bfloat16_units: whether the backend uses the bfloat16 units of a CPU.
    """
    units = bfloat16_units and bool(cpu_flags() & BFLOAT16_FLAGS)
    return Device("cpu", _cpu_facts().get("model name", "CPU"), units)


def cpu_flags() -> set[str]:
    """Return the names of the features of this machine's CPU, as in /proc/cpuinfo."""
    return set(_cpu_facts().get("flags", "").split())


def _cpu_facts() -> dict[str, str]:
    lines = _CPUINFO.read_text().splitlines() if _CPUINFO.exists() else []
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def gpu_device(name: str, capability: tuple[int, ...] | None) -> Device:
    """Return a GPU.

    Args:
        name: the manufacturer's name.
        capability: CUDA compute capability, such as (8, 0); None if it has none.
    """
    return Device("gpu", name, capability is not None and capability >= BFLOAT16_CAPABILITY)


def check_gpu(devices: str, gpus: int) -> None:
    """Check that a GPU is there if one is required.

    Args:
        devices: `train.devices`.
        gpus: the number of GPUs that the backend can use.

    Raises:
        UsageError: `devices` is "gpu" and there is none.
    """
    if devices == "gpu" and not gpus:
        raise UsageError(
            "train.devices is gpu, but no GPU can be used here. `pedigree doctor` says why. "
            "To train on the processor, set train.devices: auto."
        )
