"""Small vectors and frames, computed element by element, so that every machine gets the same bits."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Pixels = NDArray[np.float32]


def vector(x: float, y: float, z: float) -> Vector:
    """Return (x, y, z) as float64."""
    return np.array([x, y, z], dtype=np.float64)


def dot(left: Vector, right: Vector) -> float:
    """Return the scalar product, summed from x to z."""
    return float(left[0] * right[0] + left[1] * right[1] + left[2] * right[2])


def dots(left: Pixels | Vector, right: Pixels | list[Pixels]) -> Pixels:
    """Return the scalar products of vectors as float32. The first axis is x, y, z."""
    x, y, z = (np.asarray(axis, np.float32) for axis in left)
    product: Pixels = x * right[0] + y * right[1] + z * right[2]
    return product


def unit(direction: Vector) -> Vector:
    """Return `direction` scaled to length 1."""
    return np.asarray(direction / math.sqrt(dot(direction, direction)))


def turn(degrees: float) -> tuple[float, float]:
    """Return (cosine, sine), rounded so that they are equal on all machines."""
    angle = math.radians(degrees)
    return round(math.cos(angle), 9), round(math.sin(angle), 9)


@dataclass(frozen=True)
class Frame:
    """An origin, a size and three orthonormal directions: forward, up and to the left of the dog."""

    origin: Vector
    forward: Vector
    up: Vector
    left: Vector
    size: float = 1.0

    def point(self, forward: float, up: float, left: float = 0.0) -> Vector:
        """Return the point at these coordinates, in units of `size`."""
        return self.origin + self.size * self.direction(forward, up, left)

    def direction(self, forward: float, up: float, left: float = 0.0) -> Vector:
        """Return the direction with these components."""
        return np.asarray(forward * self.forward + up * self.up + left * self.left)

    def at(self, origin: Vector, size: float) -> "Frame":
        """Return the frame with another origin and size."""
        return Frame(origin, self.forward, self.up, self.left, size)

    def pitched(self, degrees: float) -> "Frame":
        """Return the frame with its forward direction turned up by `degrees`."""
        c, s = turn(degrees)
        return Frame(self.origin, c * self.forward + s * self.up, c * self.up - s * self.forward, self.left, self.size)

    def rolled(self, degrees: float) -> "Frame":
        """Return the frame turned about its forward direction."""
        c, s = turn(degrees)
        return Frame(self.origin, self.forward, c * self.up + s * self.left, c * self.left - s * self.up, self.size)


def facing(yaw: float) -> Frame:
    """Return the upright frame whose forward direction is `yaw` degrees away from the viewer.

    The axes are x to the right, y down and z to the viewer. With a yaw of 90, forward is to the right.
    """
    c, s = turn(yaw)
    return Frame(vector(0, 0, 0), vector(s, 0, c), vector(0, -1, 0), vector(c, 0, -s))
