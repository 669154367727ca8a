"""The workers: processes that train one GAN together. The first, the chief, decides and writes."""

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from pedigree.common import json_text
from pedigree.common.signals import SIGNALS
from pedigree.errors import PedigreeError, UsageError

EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
KINDS = {"chief", "worker"}
# The variables of JAX that describe the processes. Kubeflow sets all three.
ADDRESS, COUNT, INDEX = "JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"
COUNTS = (COUNT, "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")  # the last two are set by srun and mpirun


class WorkerLostError(PedigreeError):
    """A worker was lost, and the others cannot continue without it."""

    def __init__(self) -> None:
        super().__init__("a worker was lost: start all workers again")


class Workers(Protocol):
    """Communication between the workers. All of them must call the same methods in the same order.

    Every method raises a WorkerLostError if a worker cannot be reached.
    """

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes files."""

    @property
    def count(self) -> int:
        """The number of workers."""

    @property
    def index(self) -> int:
        """The number of this worker; the chief's is 0."""

    def session(self) -> AbstractContextManager[None]:
        """Return the context in which the workers train together."""

    def broadcast(self, content: bytes) -> bytes:
        """Return the chief's `content` on all workers."""

    def maximum(self, number: int) -> int:
        """Return the maximum of all workers' numbers, each at least 0."""


class SingleProcess:
    """The only process of a training run."""

    chief, count = True, 1
    index = 0

    def session(self) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        return nullcontext()

    def broadcast(self, content: bytes) -> bytes:
        """Return the content."""
        return content

    def maximum(self, number: int) -> int:
        """Return the number."""
        return number


@contextmanager
def default_signal_handlers() -> Iterator[None]:
    """Restore the signals' default handlers inside the block. Python's own cannot run while a library in C++ waits."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_address(value: Any) -> bool:
    """Whether a value is the text `host:port`."""
    return isinstance(value, str) and bool(re.fullmatch(r"[\w.:\[\]-]+:[0-9]{1,5}", value, re.ASCII))


def cluster_addresses() -> list[str]:
    """Return the addresses of the workers in TF_CONFIG, or an empty list if it is not set.

    Raises:
        UsageError: TF_CONFIG is not TensorFlow's description of a cluster of workers.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return []
    try:
        config = json_text.parse(text)
        cluster, task = config["cluster"], config["task"]
        valid = (
            type(task["index"]) is int and task["index"] in range(len(cluster[task["type"]])) and set(cluster) <= KINDS
        )
        valid = valid and all(isinstance(cluster[kind], list) for kind in cluster)
        addresses = [address for kind in sorted(cluster) for address in cluster[kind]]
        valid = valid and all(map(_is_address, addresses)) and len(set(addresses)) == len(addresses)
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        raise UsageError(
            "TF_CONFIG must name the workers (and optionally a chief) and which of them this process is, such as "
            f"{EXAMPLE}. Received: {text[:200]}"
        )
    return addresses


def process_count() -> int:
    """Return how many processes were started together for JAX: 1 if no variable says so.

    Raises:
        UsageError: a variable is not a number, or JAX_NUM_PROCESSES is missing.
    """
    counts = [_number(name, 1) for name in COUNTS if os.environ.get(name)]
    if not counts and any(os.environ.get(name) for name in (ADDRESS, INDEX)):
        raise UsageError(f"{COUNT} must be set too: {ADDRESS} or {INDEX} is set.")
    return counts[0] if counts else 1


def process_address() -> str | None:
    """Return the address of the chief in JAX_COORDINATOR_ADDRESS; None if it is not set.

    Raises:
        UsageError: it is not an address.
    """
    address = os.environ.get(ADDRESS)
    if address and not _is_address(address):
        raise UsageError(f"{ADDRESS} must be host:port of the first process. Received: {address[:200]}")
    return address or None


def process_index(count: int) -> int | None:
    """Return the number of this process in JAX_PROCESS_ID; None if it is not set.

    Raises:
        UsageError: it is not a number from 0 to `count` - 1.
    """
    return _number(INDEX, 0, count - 1) if os.environ.get(INDEX) else None


def _number(name: str, lowest: int, highest: int = 1_000_000) -> int:
    """Return the number in a variable of the environment."""
    text = os.environ[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and lowest <= int(text) <= highest):
        raise UsageError(f"{name} must be a number from {lowest} to {highest}. Received: {text[:200]}")
    return int(text)
