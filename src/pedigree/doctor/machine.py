"""The processor, memory and disk of this machine or container."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pedigree.backends.devices import BFLOAT16_FLAGS, cpu_device, cpu_flags
from pedigree.doctor.finding import Finding, fine, size_text
from pedigree.doctor.space import Needs

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")
SHOWN_FLAGS = ("avx2", "avx512f", "avx512_vnni", *sorted(BFLOAT16_FLAGS))


@dataclass(frozen=True)
class Memory:
    """Memory in bytes.

    Attributes:
        total: of the machine, or what its container may use.
        available: what a new program can use.
        limited: whether a container sets the total.
    """

    total: int
    available: int
    limited: bool


def check_processor() -> Finding:
    """Say which processor there is, how many cores may be used, and its flags that matter for speed."""
    flags = [flag for flag in SHOWN_FLAGS if flag in cpu_flags()]
    cores = len(os.sched_getaffinity(0))
    quota = _quota()
    cores_text = f"{cores} cores" + (f", limited to {quota:g} by the container" if quota and quota < cores else "")
    return fine("processor", f"{cpu_device().name}, {cores_text}, flags: {', '.join(flags) or 'none of interest'}")


def check_memory(needs: Needs | None) -> Finding:
    """Compare the memory with what the parameters need."""
    memory = read_memory()
    where = "the container" if memory.limited else "the machine"
    text = f"{size_text(memory.available)} of {size_text(memory.total)} of {where} are available"
    if needs is None:
        return fine("memory", text)
    text = f"{text}; the stages need about {size_text(needs.memory)} ({needs.memory_basis})"
    if memory.total < needs.memory:
        remedy = "use a larger machine or container, or fewer photos (validate.only)"
        return Finding("memory", "problem", text, remedy)
    if memory.available < needs.memory:
        return Finding("memory", "note", text, "end other programs before you run the stages")
    return fine("memory", text)


def check_disk(root: Path, needs: Needs | None) -> Finding:
    """Compare the free space of the project's disk with what the stages still have to write."""
    free = shutil.disk_usage(root).free
    text = f"{size_text(free)} are free"
    if needs is None:
        return Finding("disk", "problem", text, "free some space") if free < 1e8 else fine("disk", text)
    text = f"{text}; the stages still write about {size_text(needs.disk)} ({needs.disk_basis})"
    if free < needs.disk:
        return Finding("disk", "problem", text, "free space, or move the project: dvc gc --workspace, rm -r runs")
    return fine("disk", text)


def read_memory() -> Memory:
    """Return the memory of this machine, or of its container if that has less."""
    facts = {
        name: int(value.split()[0]) * 1024
        for name, _, value in (line.partition(":") for line in MEMINFO.read_text().splitlines())
    }
    memory = Memory(facts["MemTotal"], facts["MemAvailable"], False)
    for folder in _cgroups():
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        if limit and limit < memory.total:
            used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
            free = limit - used + _reclaimable(folder)
            memory = Memory(limit, max(0, min(memory.available, free)), True)
    return memory


def _cgroups() -> list[Path]:
    """Return the control groups of this process that may limit its memory, the outer ones first."""
    folders = [CGROUP, CGROUP / "memory"]  # the second: version 1
    for line in OWN_CGROUP.read_text().splitlines() if OWN_CGROUP.exists() else []:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            base = CGROUP / controllers
            inner = base / path.lstrip("/")
            folders += [folder for folder in (*reversed(inner.parents), inner) if folder.is_relative_to(base)]
    return folders


def _reclaimable(folder: Path) -> int:
    """Return the bytes of cached files that the kernel drops if a program needs memory."""
    try:
        lines = (folder / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.split()[0] in ("inactive_file", "active_file"))


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max": no limit
        return None


def _quota() -> float | None:
    """Return the number of cores whose time a container may use, None if there is no limit."""
    try:
        quota, period = (CGROUP / "cpu.max").read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError):
        return None
