"""Which precision the networks compute in: bfloat16 where this machine is measured to gain from it."""

from collections.abc import Callable
from time import perf_counter

import keras
import numpy as np
from keras import ops

from pedigree.backends.engine import Engine

GAIN = 1.05  # as much faster must bfloat16 be: its three digits are a price
ROUNDS = 8
SHAPE, KERNEL, STRIDES = (32, 16, 16, 64), (4, 4, 64, 128), 2  # of the convolution tried: half a GFLOP forwards


def choose(asked: str, engine: Engine) -> str:
    """Return "float32" or "bfloat16" for `train.precision`; "auto" is decided in a fraction of a second."""
    if asked != "auto":
        return asked
    return "bfloat16" if gain(engine) >= GAIN else "float32"


def gain(engine: Engine) -> float:
    """Return how many times as fast a convolution and its gradients are in bfloat16 as in float32.

    Convolutions are nearly all of a step's time. The two take turns, and each one's best time counts.
    """
    ways = {dtype: _convolution(dtype, engine) for dtype in ("float32", "bfloat16")}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for dtype, run in ways.items():
            start = perf_counter()
            run()
            best[dtype] = min(best[dtype], perf_counter() - start)
    return best["float32"] / best["bfloat16"]


def _convolution(dtype: str, engine: Engine) -> Callable[[], object]:
    """Return a run of one convolution, forwards and to both gradients, that waits for its end."""
    pictures = ops.cast(ops.ones(SHAPE), dtype)
    kernel = keras.Variable(np.full(KERNEL, 0.01, np.float32), trainable=True)

    def objective() -> tuple[object, dict[str, object]]:
        weight = ops.cast(kernel, dtype)
        _, slopes = engine.slope(lambda seen: [ops.conv(seen, weight, STRIDES, "same")], pictures)
        return ops.sum(ops.cast(slopes, "float32")), {}

    return lambda: np.asarray(engine.gradients(objective, [kernel])[1][0])
