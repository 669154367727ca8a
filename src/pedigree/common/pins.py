"""Pinned versions of packages, and the installed packages that differ from them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

COMPUTE = Path("constraints-compute.txt")  # the packages that compute results
OTHERS = Path("constraints.txt")


@dataclass(frozen=True)
class Mismatch:
    """An installed package whose version is not the pinned one.

    Attributes:
        name: of the package.
        installed: its version.
        pinned: the versions that the file allows: several if they differ by Python's version.
        file: where they are pinned.
    """

    name: str
    installed: str
    pinned: tuple[str, ...]
    file: Path

    def __str__(self) -> str:
        return f"{self.name} {self.installed} is installed, but {self.file.name} pins {' or '.join(self.pinned)}."


def mismatches(file: Path = COMPUTE) -> Iterator[Mismatch]:
    """Yield the installed packages that differ from the pins in `file`."""
    pins: dict[str, list[str]] = {}
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE):
        pins.setdefault(name, []).append(version)
    for name, versions in pins.items():
        installed = installed_version(name)
        if installed and installed not in versions:
            yield Mismatch(name, installed, tuple(versions), file)


def installed_version(name: str) -> str | None:
    """Return the installed version of a package, None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
