"""Smooth random fields (value noise): random numbers on a lattice, interpolated smoothly."""

import numpy as np
from numpy.typing import NDArray

from tools.sample.vectors import Pixels

_PERIOD = 32


def plane(random: np.random.Generator, shape: tuple[int, int], cell: tuple[float, float]) -> Pixels:
    """Return a field of `shape` (height, width) in [-1, 1], whose lumps have about `cell` (height, width) pixels."""
    rows, row_share = _steps(shape[0], cell[0])
    columns, column_share = _steps(shape[1], cell[1])
    lattice = random.uniform(-1, 1, (int(rows[-1]) + 2, int(columns[-1]) + 2)).astype(np.float32)
    across = mixed(lattice[rows], lattice[rows + 1], row_share[:, None])
    return mixed(across[:, columns], across[:, columns + 1], column_share)


def solid(random: np.random.Generator, points: list[Pixels]) -> Pixels:
    """Return noise in [-1, 1] at `points` (three arrays of coordinates), with lumps of about 1 unit."""
    lattice = random.uniform(-1, 1, _PERIOD**3).astype(np.float32)
    low, share = zip(*(_cell(axis) for axis in points), strict=True)

    def corner(i: int, j: int, k: int) -> Pixels:
        cell = [(low[axis] + step) % _PERIOD for axis, step in enumerate((i, j, k))]
        picked: Pixels = lattice[(cell[0] * _PERIOD + cell[1]) * _PERIOD + cell[2]]
        return picked

    lines = [[mixed(corner(0, j, k), corner(1, j, k), share[0]) for k in (0, 1)] for j in (0, 1)]
    near, far = (mixed(lines[0][k], lines[1][k], share[1]) for k in (0, 1))
    return mixed(near, far, share[2])


def step(values: Pixels, low: float, high: float) -> Pixels:
    """Return 0 below `low`, 1 above `high`, and a smooth step between. If `low` is above `high`, the step falls."""
    share: Pixels = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return share * share * (np.float32(3) - np.float32(2) * share)


def _steps(length: int, cell: float) -> tuple[NDArray[np.intp], Pixels]:
    position = (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(cell)
    low = np.floor(position)
    return low.astype(np.intp), step(position - low, 0, 1)


def _cell(axis: Pixels) -> tuple[NDArray[np.int32], Pixels]:
    low = np.floor(axis)
    return low.astype(np.int32), step(axis - low, 0, 1)


def mixed(one: Pixels, other: Pixels, share: Pixels) -> Pixels:
    """Return `one` where `share` is 0, `other` where it is 1, and a mixture in between."""
    return one + (other - one) * share
