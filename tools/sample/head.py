"""The cones of the head: skull, muzzle, nose, eyes, ears and tongue. The unit is the radius of the skull."""

from dataclasses import replace

from tools.sample.breeds import Build
from tools.sample.surface import Cone, Part
from tools.sample.vectors import Frame, Vector, unit

EYE = (0.95, 0.31, 0.42)  # forward, upward and sideways from the centre of the skull
_LEFT_AND_RIGHT = (1.0, -1.0)


def cones(build: Build, face: Frame, tongue: float) -> list[Cone]:
    """Return the cones of the head. `tongue` is how far the tongue hangs out, from 0 to 1."""
    return _skull(face) + _ears(build, face) + _muzzle(build, face) + _mouth(build, face, tongue) + _eyes(face)


def _skull(face: Frame) -> list[Cone]:
    size, melt, fur = face.size, face.size * 0.16, 0.35
    cheeks = (size * 0.6, size * 0.6)
    return [
        Cone(Part.SKULL, face.point(-0.2, 0.0), face.point(0.18, 0.08), (size, size * 0.92), fur=fur),
        Cone(Part.SKULL, face.point(0.25, -0.3, 0.3), face.point(0.25, -0.3, -0.3), cheeks, blend=melt, fur=fur),
    ]


def _muzzle(build: Build, face: Frame) -> list[Cone]:
    """Return muzzle, lower jaw and nose."""
    size, melt, snout, tip = face.size, face.size * 0.16, build.snout, 0.55 + build.muzzle
    radius, ahead, high = size * snout, tip + 0.62 * snout, -0.33 + 0.42 * snout
    jaw = face.point(0.45, -0.45), face.point(tip - 0.25 * snout, -0.36 - 0.62 * snout)
    return [
        Cone(
            Part.MUZZLE,
            face.point(0.5, -0.25),
            face.point(tip, -0.33),
            (radius * 1.12, radius * 0.86),
            blend=melt,
            fur=0.3,
        ),
        Cone(Part.MUZZLE, *jaw, (radius * 0.75, radius * 0.5), blend=melt, fur=0.4),
        _small(Part.NOSE, face.point(ahead, high, 0.1), face.point(ahead, high, -0.1), size * 0.21),
    ]


def _mouth(build: Build, face: Frame, tongue: float) -> list[Cone]:
    """Return the line of the mouth, turned up at its corners, and the tongue if it hangs out."""
    size, snout, tip = face.size, build.snout, 0.55 + build.muzzle
    middle, parts = face.point(tip + 0.72 * snout, -0.33 - 0.50 * snout), []
    for side in _LEFT_AND_RIGHT:
        front = face.point(tip + 0.05, -0.33 - 0.52 * snout, 0.76 * snout * side)
        corner = face.point(0.45 + 0.55 * build.muzzle, -0.30 - 0.30 * snout, 1.02 * snout * side)
        parts += [_small(Part.MOUTH, start, end, size * 0.06) for start, end in ((middle, front), (front, corner))]
    if tongue > 0:
        root = face.point(tip - 0.1 * snout, -0.36 - 0.75 * snout)
        end = root + size * 0.42 * tongue * face.direction(0.25, -1)
        axis = unit(face.direction(1, 0.25))
        parts.append(replace(_small(Part.TONGUE, root, end, size * 0.2), flat_axis=axis, flatness=0.5))
    return parts


def _eyes(face: Frame) -> list[Cone]:
    forward, up, out = EYE
    places = [face.point(forward, up, out * side) for side in _LEFT_AND_RIGHT]
    return [_small(Part.EYE, place, place, face.size * 0.165) for place in places]


def _small(part: Part, start: Vector, end: Vector, radius: float) -> Cone:
    """Return a hairless part with a sharp edge."""
    return Cone(part, start, end, (radius, radius), blend=0.01, fur=0)


def _ears(build: Build, face: Frame) -> list[Cone]:
    shape = {"prick": _prick, "drop": _drop, "long": _long, "rose": _rose}[build.ear]
    return [cone for side in _LEFT_AND_RIGHT for cone in shape(face, build.ear_size, side)]


def _prick(face: Frame, length: float, side: float) -> list[Cone]:
    size = face.size
    axis = unit(face.direction(1, 0.1, 0.5 * side))
    base, tip = face.point(-0.1, 0.62, 0.60 * side), face.point(-0.15, 0.75 + length, 0.80 * side)
    ahead = 0.16 * size * axis
    return [
        Cone(Part.EAR, base, tip, (size * 0.46, size * 0.07), (0, 1), 0.03, 0.5, axis, 0.4),
        Cone(
            Part.EAR_INSIDE,
            base + ahead + 0.1 * (tip - base),
            tip + 0.5 * ahead - 0.15 * (tip - base),
            (size * 0.30, size * 0.06),
            (0, 1),
            0.01,
            0.5,
            axis,
            0.3,
        ),
    ]


def _drop(face: Frame, length: float, side: float) -> list[Cone]:
    size = face.size
    axis = unit(face.direction(0.35, 0.2, side))
    top, bend = face.point(-0.1, 0.62, 0.62 * side), face.point(0.0, 0.35, 1.0 * side)
    tip = face.point(0.12, 0.35 - 0.85 * length, 1.12 * side)
    return [
        Cone(Part.EAR, top, bend, (size * 0.26, size * 0.38), (0, 0.4), 0.02, 0.8, axis, 0.5),
        Cone(Part.EAR, bend, tip, (size * 0.38, size * 0.26), (0.4, 1), 0.02, 0.8, axis, 0.5),
    ]


def _long(face: Frame, length: float, side: float) -> list[Cone]:
    size = face.size
    axis = unit(face.direction(0.2, 0.1, side))
    top, bend = face.point(-0.15, 0.45, 0.72 * side), face.point(-0.1, 0.05, 1.02 * side)
    tip = face.point(0.05, -1.2 * length, 1.12 * side)
    return [
        Cone(Part.EAR, top, bend, (size * 0.24, size * 0.30), (0, 0.3), 0.02, 0.8, axis, 0.5),
        Cone(Part.EAR, bend, tip, (size * 0.30, size * 0.36), (0.3, 1), 0.02, 0.8, axis, 0.45),
    ]


def _rose(face: Frame, length: float, side: float) -> list[Cone]:
    size = face.size
    axis = unit(face.direction(0.6, 0.6, 0.3 * side))
    base, bend = face.point(-0.1, 0.75, 0.55 * side), face.point(-0.05, 0.95, 0.95 * side)
    tip = face.point(0.15, 0.95 - 0.5 * length, 1.22 * side)
    return [
        Cone(Part.EAR, base, bend, (size * 0.30, size * 0.24), (0, 0.5), 0.02, 0.6, axis, 0.5),
        Cone(Part.EAR, bend, tip, (size * 0.24, size * 0.12), (0.5, 1), 0.02, 0.6, axis, 0.5),
    ]
