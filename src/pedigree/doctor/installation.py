"""Python and the installed packages."""

import re
import sys
from importlib import metadata
from pathlib import Path

from pedigree.common import pins
from pedigree.doctor.finding import Finding, Level, fine

PYTHON = ((3, 11), (3, 14))  # from the first to below the second; as in pyproject.toml
EXTRAS = {"": "", "pipeline": "the stages", "flows": "the Prefect flows"}  # extra → what needs it
SHOWN = 5  # packages named at once


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Check Python's version."""
    text = f"Python {'.'.join(map(str, version))} at {sys.executable}"
    if PYTHON[0] <= version < PYTHON[1]:
        return fine("python", text)
    return Finding("python", "problem", f"{text}; Python 3.11 to 3.13 is needed", "make setup PYTHON=python3.12")


def check_packages(root: Path, is_project: bool) -> list[Finding]:
    """Check that the packages of the stages and flows are installed, in the pinned versions."""
    found = [*_missing(is_project)]
    different = list(pins.mismatches(root / pins.COMPUTE))
    if different:
        remedy = f"make setup, or write the installed versions to {pins.COMPUTE}"
        found.append(Finding("packages", "problem", " ".join(map(str, different)), remedy))
    if others := list(pins.mismatches(root / pins.OTHERS)):
        found.append(Finding("packages", "note", _several([str(each) for each in others], " "), "make setup"))
    pinned = " in the pinned versions" if (root / pins.COMPUTE).exists() else ""
    return found or [fine("packages", f"all packages of the stages and flows are installed{pinned}")]


def _missing(is_project: bool) -> list[Finding]:
    try:
        requirements = metadata.requires("pedigree") or []
    except metadata.PackageNotFoundError:
        return [Finding("packages", "note", "pedigree runs from its source and is not installed", "make setup")]
    found = []
    for extra, purpose in EXTRAS.items():
        names = [name for name in _names(requirements, extra) if pins.installed_version(name) is None]
        if names:
            level: Level = "problem" if extra != "flows" and (is_project or not extra) else "note"
            needed = f" {purpose} need them" if purpose else ""
            remedy = (
                f"pip install 'pedigree[{extra}]', or make setup" if extra else "pip install pedigree, or make setup"
            )
            text = f"not installed: {_several(names, ', ')}{';' if needed else ''}{needed}"
            found.append(Finding("packages", level, text, remedy))
    return found


def _names(requirements: list[str], extra: str) -> list[str]:
    """Return the packages of an extra; of no extra if it is empty."""
    names = []
    for requirement in requirements:
        of = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", requirement)
        name = re.match(r"[\w.-]+", requirement)
        if name and name[0] != "pedigree" and (of[1] if of else "") == extra:
            names.append(name[0])
    return names


def _several(texts: list[str], separator: str) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return separator.join(texts[:SHOWN]) + more
