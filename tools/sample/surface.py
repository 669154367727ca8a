"""Rasterises round cones (spheres swept along segments) into a z-buffer: depth, normal and part of each pixel."""

import math
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from tools.sample.vectors import Pixels, Vector, dots, vector

Mask = NDArray[np.bool_]

_NOWHERE = np.float32(-1e6)


class Part(IntEnum):
    """The part of the dog that a pixel shows."""

    NONE = 0
    TORSO = 1
    LEG = 2
    TAIL = 3
    NECK = 4
    SKULL = 5
    MUZZLE = 6
    EAR = 7
    EAR_INSIDE = 8
    EYE = 9
    NOSE = 10
    TONGUE = 11
    COLLAR = 12
    MOUTH = 13


@dataclass(frozen=True)
class Cone:
    """A sphere swept from `start` to `end`, whose radius changes from `radii[0]` to `radii[1]`.

    Attributes:
        part: the body part.
        along: the positions of both ends along the body part.
        blend: the distance over which the cone blends into the cones that it touches.
        fur: how uneven its outline is.
        flat_axis: the axis along which the cone is flattened.
        flatness: below 1, the factor by which it is flattened.
    """

    part: Part
    start: Vector
    end: Vector
    radii: tuple[float, float]
    along: tuple[float, float] = (0.0, 1.0)
    blend: float = 0.1
    fur: float = 1.0
    flat_axis: Vector | None = None
    flatness: float = 1.0

    def placed(self, scale: float, offset: Vector) -> "Cone":
        """Return the cone scaled about the origin, then moved."""
        start, end = self.start * scale + offset, self.end * scale + offset
        radii = (self.radii[0] * scale, self.radii[1] * scale)
        return replace(self, start=start, end=end, radii=radii, blend=self.blend * scale)

    def extent(self) -> tuple[float, float, float, float]:
        """Return (left, top, right, bottom) of a box that holds the cone."""
        ends = list(zip((self.start, self.end), self.radii, strict=True))
        low = [min(point[axis] - radius for point, radius in ends) for axis in (0, 1)]
        high = [max(point[axis] + radius for point, radius in ends) for axis in (0, 1)]
        return low[0], low[1], high[0], high[1]


@dataclass(frozen=True)
class Surface:
    """The surface that each pixel shows, as arrays (height, width).

    `normal` is (3, height, width), and its z points to the viewer.
    """

    depth: Pixels
    normal: Pixels
    part: NDArray[np.int8]
    along: Pixels


def rasterise(cones: list[Cone], warp: Pixels, origin: tuple[int, int]) -> Surface:
    """Draw cones given in pixels; (x, y) `origin` is the top left pixel.

    `warp` (2, height, width) displaces the outlines.
    """
    shape = warp.shape[1:]
    surface = Surface(
        np.full(shape, _NOWHERE, np.float32),
        np.zeros((3, *shape), np.float32),
        np.zeros(shape, np.int8),
        np.zeros(shape, np.float32),
    )
    shift = vector(-origin[0], -origin[1], 0)
    farthest = float(np.abs(warp).max())
    for cone in cones:
        _draw(surface, cone.placed(1.0, shift), warp, farthest)
    return surface


def _draw(surface: Surface, cone: Cone, warp: Pixels, farthest: float) -> None:
    height, width = surface.depth.shape
    left, top, right, bottom = cone.extent()
    reach = math.ceil(farthest * cone.fur) + 1
    rows = slice(max(0, math.floor(top) - reach), min(height, math.ceil(bottom) + reach))
    columns = slice(max(0, math.floor(left) - reach), min(width, math.ceil(right) + reach))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    fray = np.float32(cone.fur) * warp[:, rows, columns]
    x = _centres(columns, cone.start[0]) + fray[0]
    y = _centres(rows, cone.start[1])[:, None] + fray[1]
    for ball in _balls(cone):
        _melt(surface, (rows, columns), ball, *_hit(ball, cone.start, x, y))


def _centres(span: slice, start: float) -> Pixels:
    """Return the centres of the pixels of `span`, measured from `start`."""
    return (np.arange(span.start, span.stop) + (0.5 - start)).astype(np.float32)


def _balls(cone: Cone) -> list[Cone]:
    """Return the cone; or spheres along it, if it points at the viewer and one end hides the other."""
    squeeze = _squeeze(cone)
    x, y, _ = _squeezed(squeeze, cone.end - cone.start)
    growth = cone.radii[1] - cone.radii[0]
    if x * x + y * y > 1.05 * growth * growth + 1e-6:
        return [cone]
    return [_ball(cone, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]


def _ball(cone: Cone, share: float) -> Cone:
    centre = cone.start + (cone.end - cone.start) * share
    radius = cone.radii[0] + (cone.radii[1] - cone.radii[0]) * share
    along = cone.along[0] + (cone.along[1] - cone.along[0]) * share
    return replace(cone, start=centre, end=centre, radii=(radius, radius), along=(along, along))


def _hit(cone: Cone, origin: Vector, x: Pixels, y: Pixels) -> tuple[Pixels, Pixels, Pixels, Mask]:
    """Return the depth, normal, position along the cone and hit of each pixel at (x, y) from `origin`.

    The front of a swept sphere is the maximum over t of z(t) + √q(t), with q(t) = r(t)² − |p − c(t)|² = c + bt + at².
    The derivative is zero there: q = (b² − 4ac) / 4(l² − r'²). In squeezed coordinates, a flattened cone is round.
    """
    squeeze = _squeeze(cone)
    x, y = x - np.float32(cone.start[0] - origin[0]), y - np.float32(cone.start[1] - origin[1])
    u, v = squeeze[0] * x, squeeze[1] * x + squeeze[2] * y
    du, dv, dw = (np.float32(part) for part in _squeezed(squeeze, cone.end - cone.start))
    r, dr = np.float32(cone.radii[0]), np.float32(cone.radii[1] - cone.radii[0])
    a, b, c = dr * dr - du * du - dv * dv, 2 * (r * dr + u * du + v * dv), r * r - u * u - v * v
    t = np.zeros_like(x)
    if a < 0:
        crest = np.sqrt(np.maximum(b * b - 4 * a * c, 0) / (4 * (dw * dw - a)))
        t = np.clip((-b - 2 * dw * crest) / (2 * a), 0, 1)
    square = c + t * (b + t * a)
    w = np.sqrt(np.maximum(square, 0))
    depth = (t * dw + w - squeeze[3] * x - squeeze[4] * y) / squeeze[5] + np.float32(cone.start[2])
    return depth, _normal(squeeze, u - t * du, v - t * dv, w), t, square >= 0


def _normal(squeeze: Pixels, u: Pixels, v: Pixels, w: Pixels) -> Pixels:
    normal: Pixels = np.stack(
        [squeeze[0] * u + squeeze[1] * v + squeeze[3] * w, squeeze[2] * v + squeeze[4] * w, squeeze[5] * w]
    )
    length: Pixels = np.sqrt(np.maximum(dots(normal, normal), np.float32(1e-9)))
    return normal / length


def _squeeze(cone: Cone) -> Pixels:
    """Return the lower triangle of the matrix M that makes the cone round and keeps the line of sight.

    MᵀM = I + s nnᵀ.
    """
    n = vector(0, 0, 0) if cone.flat_axis is None else cone.flat_axis
    s = 1 / (cone.flatness * cone.flatness) - 1
    f = math.sqrt(1 + s * n[2] * n[2])
    d, e = s * n[0] * n[2] / f, s * n[1] * n[2] / f
    c = math.sqrt(1 + s * n[1] * n[1] - e * e)
    b = (s * n[0] * n[1] - d * e) / c
    a = math.sqrt(1 + s * n[0] * n[0] - b * b - d * d)
    return np.array([a, b, c, d, e, f], dtype=np.float32)


def _squeezed(m: Pixels, v: Vector) -> tuple[float, float, float]:
    a, b, c, d, e, f = (float(entry) for entry in m)
    return a * v[0], b * v[0] + c * v[1], d * v[0] + e * v[1] + f * v[2]


def _melt(
    surface: Surface, window: tuple[slice, slice], cone: Cone, depth: Pixels, normal: Pixels, t: Pixels, hit: Mask
) -> None:
    """Write a cone into the buffers, blended smoothly with surfaces that are within `blend` of it."""
    before = surface.depth[window]
    blend = np.float32(max(cone.blend, 1e-3))
    share = np.where(hit, np.clip(0.5 + 0.5 * (depth - before) / blend, 0, 1), 0).astype(np.float32)
    mixed = before + (depth - before) * share + blend * share * (1 - share)
    surface.depth[window] = np.where(share >= 1, depth, mixed)
    surface.normal[:, *window] += (normal - surface.normal[:, *window]) * share
    front = share > 0.5
    surface.part[window][front] = cone.part
    along = np.float32(cone.along[0]) + t * np.float32(cone.along[1] - cone.along[0])
    surface.along[window][front] = along[front]
