"""Exponential moving averages of weights."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

Tensor = Any


def update_average(
    averages: Sequence[keras.Variable],
    weights: Sequence[Tensor],
    half_life: int,
    warmup: float,
    batch_size: int,
    updates: Tensor,
) -> None:
    """Move averages towards weights. The half-life is shorter early on (Karras et al., EDM, 2022).

    Args:
        averages: the averages.
        weights: the weights after the update, in the same order.
        half_life: in pictures; 0: the averages become the weights.
        warmup: the half-life is at most this share of the pictures seen so far; 0: no limit.
        batch_size: pictures per update.
        updates: number of updates so far, with this one.
    """
    decay: Any = 0.0
    if half_life:
        pictures = ops.cast(updates, "float32") * batch_size
        limited = ops.minimum(float(half_life), warmup * pictures) if warmup else float(half_life)
        decay = ops.power(0.5, batch_size / limited)
    for average, weight in zip(averages, weights, strict=True):
        average.assign(weight + decay * (average - weight))
