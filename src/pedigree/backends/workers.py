"""The workers: processes that train one GAN together, one per machine. The first, the chief, decides and writes."""

import os
import re
from typing import Any, Protocol

from pedigree.common import json_text
from pedigree.errors import PedigreeError, UsageError

EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
KINDS = {"chief", "worker"}


class WorkerLostError(PedigreeError):
    """A worker was lost, and the others cannot continue without it."""


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

    def broadcast(self, content: bytes) -> bytes:
        """Return the chief's `content` on all workers."""

    def maximum(self, number: int) -> int:
        """Return the maximum of all workers' numbers, each at least 0."""


class SingleProcess:
    """The only process of a training run."""

    chief, count = True, 1
    index = 0

    def broadcast(self, content: bytes) -> bytes:
        """Return the content."""
        return content

    def maximum(self, number: int) -> int:
        """Return the number."""
        return number


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
