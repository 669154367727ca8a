"""Training on several machines with TensorFlow: joining the cluster of TF_CONFIG, and sharing numbers and bytes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pedigree.backends.workers import WorkerLostError, cluster_addresses, default_signal_handlers


@cache  # a process can join a cluster only once, before any other TensorFlow operation
def join_cluster() -> tf.distribute.Strategy:
    """Join the cluster of TF_CONFIG and wait for its other workers."""
    print(f"Waiting for all workers of TF_CONFIG: {', '.join(cluster_addresses())}", flush=True)
    with default_signal_handlers():
        return tf.distribute.MultiWorkerMirroredStrategy()


class Cluster:
    """The workers of a cluster.

    Args:
        strategy: the strategy that `join_cluster` returned.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.strategy = strategy
        # Compiled, because an eager reduction leaves a thread pool behind when a worker is lost.
        self._all_reduce = tf.function(lambda values: strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None))
        self.count = len(cluster_addresses())
        self.local = strategy.num_replicas_in_sync // self.count
        resolver = strategy.cluster_resolver
        chiefs = len(resolver.cluster_spec().as_dict().get("chief", []))
        self.index: int = resolver.task_id + (chiefs if resolver.task_type == "worker" else 0)

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.index == 0

    def session(self) -> AbstractContextManager[None]:
        """Return a context that does nothing: a worker of TensorFlow can end at any time."""
        return nullcontext()

    def broadcast(self, content: bytes) -> bytes:
        """Return the chief's `content` on all workers."""
        length = self._gather([len(content)])[0, 0]
        numbers = np.zeros(length // 8 + 1, np.int64)  # at least one: TensorFlow crashes on an empty sum
        if self.chief:
            numbers.view(np.uint8)[:length] = np.frombuffer(content, np.uint8)
        return self._sum(numbers).tobytes()[:length]

    def maximum(self, number: int) -> int:
        """Return the maximum of all workers' numbers, each at least 0."""
        return int(self._gather([number]).max())

    def _gather(self, numbers: list[int]) -> NDArray[np.int64]:
        """Return the numbers of all workers, one row per worker."""
        rows = np.zeros((self.count, len(numbers)), np.int64)
        rows[self.index] = numbers
        return self._sum(rows)

    def _sum(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add up the numbers of all workers. Only the first device of a worker contributes."""

        def device_value(device: tf.distribute.experimental.ValueContext) -> Any:
            first = device.replica_id_in_sync_group % self.local == 0
            return tf.constant(numbers if first else np.zeros_like(numbers))

        with report_lost_worker():
            values = self.strategy.experimental_distribute_values_from_function(device_value)
            total: NDArray[np.int64] = self._all_reduce(values).numpy()
        return total


@contextmanager
def report_lost_worker() -> Iterator[None]:
    """Turn TensorFlow's errors about an unreachable worker into a `WorkerLostError`.

    Raises:
        WorkerLostError: a worker cannot be reached. The caller adds the step from which training resumes.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        raise WorkerLostError from error
