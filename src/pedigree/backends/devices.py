"""What training runs on."""

from dataclasses import dataclass
from pathlib import Path

from pedigree.backends.batch import Batch, check_parts
from pedigree.errors import UsageError

BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}  # of x86 processors, by their names in /proc/cpuinfo
BFLOAT16_CAPABILITY = (8, 0)  # CUDA compute capability from which GPUs have bfloat16 units
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Device:
    """Where training runs.

    Attributes:
        kind: "cpu" or "gpu".
        name: as its maker calls it.
        bfloat16: whether it has units for bfloat16 that the backend uses.
    """

    kind: str
    name: str
    bfloat16: bool


def processor(bfloat16_units: bool = True) -> Device:
    """Return this machine's processor; `bfloat16_units` says whether the backend uses such units of a processor."""
    facts = dict(line.partition(":")[::2] for line in _CPUINFO.read_text().splitlines()) if _CPUINFO.exists() else {}
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    flags = set(facts.get("flags", "").split())
    return Device("cpu", facts.get("model name", "CPU"), bfloat16_units and bool(flags & BFLOAT16_FLAGS))


def graphics(name: str, capability: tuple[int, ...] | None) -> Device:
    """Return a GPU by its name and CUDA compute capability, None where it has none."""
    return Device("gpu", name, capability is not None and capability >= BFLOAT16_CAPABILITY)


def check_equal_parts(batch: Batch, count: int) -> None:
    """See that a `pedigree.train.batches.stacked` batch has equal parts for `count` devices.

    Raises:
        UsageError: it has not; by which parameters that is mended.
    """
    try:
        check_parts(batch, count)
    except ValueError as error:
        raise UsageError(
            f"{error}: make train.batch_size and train.generator_batch_size multiples of {count}, "
            "or set train.devices: one."
        ) from None
