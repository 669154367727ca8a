"""The workers: processes that train one GAN together, one per machine. The first, the chief, decides and writes."""

import json
import os
from typing import Protocol

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


def cluster_addresses() -> list[str]:
    """Return the addresses of the workers in TF_CONFIG, or an empty list if it is not set.

    Raises:
        UsageError: TF_CONFIG is not TensorFlow's description of a cluster of workers.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return []
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        valid = task["index"] in range(len(cluster[task["type"]])) and set(cluster) <= KINDS
        addresses = [address for kind in sorted(cluster) for address in cluster[kind]]
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        raise UsageError(
            "TF_CONFIG must name the workers (and optionally a chief) and which of them this process is, such as "
            f"{EXAMPLE}. Received: {text}"
        )
    return addresses
