"""What training runs on, told to people."""

from dataclasses import dataclass
from pathlib import Path


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
