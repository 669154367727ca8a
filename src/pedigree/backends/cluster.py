"""Several machines, for TensorFlow: what TF_CONFIG says of them, and how they tell each other numbers and bytes."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pedigree.backends.workers import WorkerLostError, named
from pedigree.common.signals import SIGNALS


@cache  # TensorFlow joins a cluster once a process, before it does anything else
def strategy() -> tf.distribute.Strategy:
    """Join the cluster of TF_CONFIG, and wait for its other processes."""
    print(f"Waiting for all workers of TF_CONFIG: {', '.join(named())}", flush=True)
    with _mortal():
        return tf.distribute.MultiWorkerMirroredStrategy()


@contextmanager
def _mortal() -> Iterator[None]:
    """Die of a signal at once, which Python's own handlers can't while TensorFlow waits."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Cluster:
    """The processes of a cluster, joined by `strategy`."""

    def __init__(self, joined: tf.distribute.Strategy) -> None:
        self.strategy = joined
        # Compiled, because a sum outside leaves a pool of threads behind where a worker is lost.
        self._added = tf.function(lambda given: joined.reduce(tf.distribute.ReduceOp.SUM, given, axis=None))
        self.count = len(named())
        self.local = joined.num_replicas_in_sync // self.count
        resolver = joined.cluster_resolver
        chiefs = len(resolver.cluster_spec().as_dict().get("chief", []))
        self.index: int = resolver.task_id + (chiefs if resolver.task_type == "worker" else 0)

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes."""
        return self.index == 0

    def share(self, content: bytes) -> bytes:
        """Return the chief's content."""
        length = self._given_by_all([len(content)])[0, 0]
        numbers = np.zeros(length // 8 + 1, np.int64)  # one at least: TensorFlow crashes where there is nothing to add
        if self.chief:
            numbers.view(np.uint8)[:length] = np.frombuffer(content, np.uint8)
        return self._sum(numbers).tobytes()[:length]

    def highest(self, number: int) -> int:
        """Return the highest of all processes' numbers, each 0 or above."""
        return int(self._given_by_all([number]).max())

    def _given_by_all(self, numbers: list[int]) -> NDArray[np.int64]:
        """Return what every process gives, a row each."""
        rows = np.zeros((self.count, len(numbers)), np.int64)
        rows[self.index] = numbers
        return self._sum(rows)

    def _sum(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add up what all processes give; of one with several devices the first speaks."""

        def of_device(device: tf.distribute.experimental.ValueContext) -> Any:
            speaks = device.replica_id_in_sync_group % self.local == 0
            return tf.constant(numbers if speaks else np.zeros_like(numbers))

        with watched():
            given = self.strategy.experimental_distribute_values_from_function(of_device)
            total: NDArray[np.int64] = self._added(given).numpy()
        return total


@contextmanager
def watched() -> Iterator[None]:
    """Tell by name that a process of the cluster is gone.

    Raises:
        WorkerLostError: where TensorFlow does not reach one; what step to go on from is for the caller to add.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        raise WorkerLostError("a worker was lost: start all workers again") from error
