"""What training runs on, told to people."""

from dataclasses import dataclass
from pathlib import Path

from pedigree.backends.batch import Batch, check_parts
from pedigree.errors import UsageError


@dataclass(frozen=True)
class Device:
    """Where training runs: `kind` is cpu or gpu."""

    kind: str
    name: str


def processor() -> Device:
    """Return this machine's processor."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    return Device("cpu", next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "CPU"))


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
