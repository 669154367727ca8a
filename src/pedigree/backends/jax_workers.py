"""Training with several processes on JAX: joining them, and sharing numbers and bytes."""

import atexit
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import jax
import numpy as np
from jax.experimental import multihost_utils

from pedigree.backends.workers import (
    ADDRESS,
    COUNT,
    INDEX,
    WorkerLostError,
    default_signal_handlers,
    process_address,
    process_count,
    process_index,
)
from pedigree.errors import UsageError

HEARTBEAT = 30  # seconds of silence after which JAX regards a process as lost, and ends the others
PATIENCE = 300  # seconds to wait for the other processes at the start
DAY = 86_400  # seconds to wait for the chief, which scores and writes when the others are done
FAREWELL = 3  # seconds for which the chief stays after an error, because JAX ends the others together with it
LOST = ("Gloo", "remote process exited")  # in messages of Gloo and NCCL about a process that cannot be reached


@cache  # a process can join only once, before any other operation of JAX
def join_processes() -> None:
    """Connect to the processes that the JAX_ variables, SLURM or Open MPI describe.

    JAX ends this process, with its own message, if not all are there in time.

    Raises:
        UsageError: they are not described completely, or the chief's port is in use.
    """
    count, address = process_count(), process_address()
    index = process_index(count)
    if index == 0 and address:
        _check_port(int(address.rpartition(":")[2]))
    where = f" at {address}" if address else ""
    print(f"Waiting at most {PATIENCE} seconds for all {count} processes{where}.", flush=True)
    jax.config.update("jax_enable_preemption_service", False)  # it would replace Python's handler of SIGTERM
    described = address is not None and index is not None
    try:
        with default_signal_handlers():
            jax.distributed.initialize(
                coordinator_address=address,
                num_processes=count,
                process_id=index,
                cluster_detection_method="deactivate" if described else None,
                initialization_timeout=PATIENCE,
                heartbeat_timeout_seconds=HEARTBEAT,
                shutdown_timeout_seconds=DAY,
            )
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().rstrip(".")
        raise UsageError(
            f"JAX cannot find the {count} processes ({reason}): set {ADDRESS}, {COUNT} and {INDEX}."
        ) from error


def _check_port(port: int) -> None:
    """Check that the chief can listen on `port`, without which JAX crashes."""
    try:
        socket.create_server(("", port)).close()
    except OSError as error:
        raise UsageError(f"the first process cannot use port {port} of {ADDRESS} ({error.strerror}).") from error


class JaxWorkers:
    """The processes that `join_processes` has connected."""

    def __init__(self) -> None:
        self.count: int = jax.process_count()
        self.index: int = jax.process_index()

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.index == 0

    @contextmanager
    def session(self) -> Iterator[None]:
        """Train together inside the block. At its end, all wait for the chief; after an error, none waits."""
        try:
            yield
        except BaseException as error:
            atexit.register(self._leave, _exit_code(error))
            raise
        jax.distributed.shutdown()

    def _leave(self, code: int) -> None:
        """End this process without JAX's own end, which waits for the others."""
        if self.chief:
            time.sleep(FAREWELL)
        os._exit(code)

    def broadcast(self, content: bytes) -> bytes:
        """Return the chief's `content` on all workers."""
        length = self.maximum(len(content) if self.chief else 0)
        buffer = np.zeros(length, np.uint8)
        if self.chief:
            buffer[:] = np.frombuffer(content, np.uint8)
        with report_lost_process():
            sent: bytes = np.asarray(multihost_utils.broadcast_one_to_all(buffer)).tobytes()
        return sent

    def maximum(self, number: int) -> int:
        """Return the maximum of all workers' numbers, each at least 0 and less than 2³¹."""
        with report_lost_process():
            return int(multihost_utils.process_allgather(np.int32(number)).max())


@contextmanager
def report_lost_process() -> Iterator[None]:
    """Turn JAX's errors about an unreachable process into a `WorkerLostError`.

    Raises:
        WorkerLostError: a process cannot be reached. The caller adds the step from which training resumes.
    """
    try:
        yield
    except (ValueError, jax.errors.JaxRuntimeError) as error:
        if not any(words in str(error) for words in LOST):
            raise
        raise WorkerLostError from error


def _exit_code(error: BaseException) -> int:
    """Return the exit code of a process that ends with `error`."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    code = error.code if isinstance(error, SystemExit) else getattr(error, "exit_code", 1)
    return code if isinstance(code, int) else 1
