"""The processes that train one GAN together, one a machine; the chief of them decides, and it alone writes."""

import json
import os
from typing import Protocol

from pedigree.errors import PedigreeError, UsageError

EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
KINDS = {"chief", "worker"}


class WorkerLostError(PedigreeError):
    """A worker of several is gone, and the others cannot go on without it."""


class Workers(Protocol):
    """What the processes have to tell each other. All call the same methods in the same order.

    Every method raises WorkerLostError where one of them does not answer.
    """

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes."""

    @property
    def count(self) -> int:
        """How many processes there are."""

    @property
    def index(self) -> int:
        """This process's number among them, the chief's is 0."""

    def share(self, content: bytes) -> bytes:
        """Return the chief's content."""

    def highest(self, number: int) -> int:
        """Return the highest of all processes' numbers, each 0 or above."""


class Alone:
    """One process that trains by itself."""

    chief, count = True, 1
    index = 0

    def share(self, content: bytes) -> bytes:
        """Return the content."""
        return content

    def highest(self, number: int) -> int:
        """Return the number."""
        return number


def named() -> list[str]:
    """Return the addresses of the processes that TF_CONFIG names, none where it is not set.

    Raises:
        UsageError: it is something else than TensorFlow's description of a cluster of workers.
    """
    told = os.environ.get("TF_CONFIG")
    if not told:
        return []
    try:
        config = json.loads(told)
        cluster, task = config["cluster"], config["task"]
        fits = task["index"] in range(len(cluster[task["type"]])) and set(cluster) <= KINDS
        addresses = [address for kind in sorted(cluster) for address in cluster[kind]]
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise UsageError(
            f"TF_CONFIG must name workers (and a chief) and which one this is: {EXAMPLE}. Received: {told}"
        )
    return addresses
