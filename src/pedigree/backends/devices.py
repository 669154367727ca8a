"""What training runs on, told to people."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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


@contextmanager
def equal_parts(count: int) -> Iterator[None]:
    """Tell by its parameters that a batch has no equal parts for `count` devices.

    Raises:
        UsageError: instead of the ValueError of `pedigree.batches`.
    """
    try:
        yield
    except ValueError as error:
        raise UsageError(
            f"{error}: make train.batch_size and train.generator_batch_size multiples of {count}, "
            "or set train.devices: one."
        ) from None
