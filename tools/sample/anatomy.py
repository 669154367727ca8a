"""Turns the build of a breed and a pose into round cones. The dog stands on the ground at y = 0."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tools.sample import head
from tools.sample.breeds import Build
from tools.sample.surface import Cone, Part
from tools.sample.vectors import Frame, Vector, facing, turn, unit, vector

_LEFT_AND_RIGHT = (1.0, -1.0)


@dataclass(frozen=True)
class Pose:
    """The pose of a dog. Angles are in degrees, `yaw` away from the viewer; other numbers are in [-1, 1] or [0, 1]."""

    stance: Literal["standing", "sitting", "lying"]
    yaw: float
    face_yaw: float
    face_pitch: float
    face_tilt: float
    neck: float
    stride: float
    wag: float
    tongue: float
    collared: bool


@dataclass(frozen=True)
class Figure:
    """The cones of a dog, and the frames of its torso and face for the markings; in torso units."""

    cones: list[Cone]
    torso: Frame
    face: Frame

    def placed(self, scale: float, offset: Vector) -> "Figure":
        """Return the figure scaled about the origin, then moved."""
        torso, face = (frame.at(frame.origin * scale + offset, frame.size * scale) for frame in (self.torso, self.face))
        return Figure([cone.placed(scale, offset) for cone in self.cones], torso, face)

    def extent(self) -> tuple[float, float, float, float]:
        """Return (left, top, right, bottom) of all cones."""
        sides = list(zip(*(cone.extent() for cone in self.cones), strict=True))
        return min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3])


def draw_pose(random: np.random.Generator) -> Pose:
    """Return a random pose. Most dogs sit or stand, and most look towards the viewer."""
    stance: Literal["standing", "sitting", "lying"] = "standing"
    chance = random.uniform()
    if chance < 0.42:
        stance = "sitting"
    elif chance < 0.60:
        stance = "lying"
    yaw = random.uniform(*{"standing": (38, 88), "sitting": (5, 65), "lying": (25, 75)}[stance])
    side = 1 if random.uniform() < 0.5 else -1
    return Pose(
        stance=stance,
        yaw=side * yaw,
        face_yaw=side * yaw * random.uniform(0.1, 0.75) + random.uniform(-18, 18),
        face_pitch=random.uniform(-14, 10),
        face_tilt=random.uniform(-14, 14),
        neck=random.uniform(-8, 8),
        stride=random.uniform(-1, 1),
        wag=random.uniform(-1, 1),
        tongue=random.uniform(0.6, 1) if random.uniform() < 0.35 else 0.0,
        collared=bool(random.uniform() < 0.25),
    )


def vary(build: Build, random: np.random.Generator) -> Build:
    """Return the build of one dog of the breed: each length differs by a few percent."""
    lengths = {name: value for name, value in vars(build).items() if isinstance(value, float)}
    varied: dict[str, Any] = {name: value * random.uniform(0.94, 1.06) for name, value in lengths.items()}
    return replace(build, **varied)


def figure(build: Build, pose: Pose, elevation: float) -> Figure:
    """Return the dog as seen from `elevation` degrees above the ground."""
    ground = facing(pose.yaw)
    hip, chest = _spine(build, pose, ground)
    torso = replace(_along(hip, chest, ground), size=1.0)
    skull, neck = _neck(build, pose, ground, torso, chest)
    face = facing(pose.face_yaw).pitched(pose.face_pitch).rolled(pose.face_tilt).at(skull, build.head)
    cones = _torso(build, torso, hip, chest)
    cones += _front_legs(build, pose, ground, chest) + _hind_legs(build, pose, ground, hip)
    cones += _tail(build, pose, ground, hip) + neck + head.cones(build, face, pose.tongue)
    return _tilted(Figure(cones, torso, face), elevation)


def _spine(build: Build, pose: Pose, ground: Frame) -> tuple[Vector, Vector]:
    """Return the centres of hip and chest."""
    if pose.stance == "standing":
        return ground.point(0, build.leg - 0.02), ground.point(build.length, build.leg)
    low = build.hip * 0.92
    if pose.stance == "lying":
        return ground.point(0, low), ground.point(build.length, build.chest * 1.02)
    rise = min(0.86, max(0.5, (build.leg * 1.12 - low) / build.length))
    run = math.sqrt(1 - rise * rise)
    return ground.point(0, low), ground.point(build.length * run, low + build.length * rise)


def _along(hip: Vector, chest: Vector, ground: Frame) -> Frame:
    forward = unit(chest - hip)
    rise = -float(forward[1])
    run = math.sqrt(1 - rise * rise)
    return Frame(hip, forward, run * ground.up - rise * ground.forward, ground.left)


def _torso(build: Build, torso: Frame, hip: Vector, chest: Vector) -> list[Cone]:
    waist = hip + 0.45 * (chest - hip) + 0.04 * torso.up
    thin = (build.chest + build.hip) * 0.43
    return [
        Cone(Part.TORSO, hip, waist, (build.hip, thin), (0, 0.45)),
        Cone(Part.TORSO, waist, chest, (thin, build.chest), (0.45, 1)),
        Cone(
            Part.TORSO,
            chest + 0.1 * build.chest * torso.forward,
            chest + build.chest * (0.3 * torso.forward - 0.18 * torso.up),
            (build.chest * 0.95, build.chest * 0.8),
            (1, 1.2),
        ),
    ]


def _neck(build: Build, pose: Pose, ground: Frame, torso: Frame, chest: Vector) -> tuple[Vector, list[Cone]]:
    """Return the centre of the skull, and the cones of the neck."""
    steep, reach = turn({"standing": 52, "sitting": 74, "lying": 62}[pose.stance] + pose.neck)
    base = chest + build.chest * (0.30 * ground.forward + 0.35 * ground.up)
    length = build.neck + build.head * 0.55
    skull = base + length * (steep * ground.forward + reach * ground.up)
    cones = [Cone(Part.NECK, base, skull, (build.throat * 1.35, build.throat), (0, 1))]
    if pose.collared:
        middle, axis = base + 0.42 * (skull - base), unit(skull - base)
        radius = build.throat * 1.27
        cones.append(
            Cone(Part.COLLAR, middle, middle, (radius, radius), blend=0.01, fur=0.05, flat_axis=axis, flatness=0.24)
        )
    return skull, cones


def _limb(part: Part, points: list[Vector], radii: list[float], blend: float = 0.06, fur: float = 1.0) -> list[Cone]:
    """Return a chain of cones through `points`. Their `along` goes from 0 at the first point to 1 at the last."""
    count = len(points) - 1
    return [
        Cone(part, points[i], points[i + 1], (radii[i], radii[i + 1]), (i / count, (i + 1) / count), blend, fur)
        for i in range(count)
    ]


def _front_legs(build: Build, pose: Pose, ground: Frame, chest: Vector) -> list[Cone]:
    at = ground.at(vector(chest[0], 0, chest[2]), 1.0)
    height, bone = -float(chest[1]), build.bone
    cones = []
    for side in _LEFT_AND_RIGHT:
        out = side * build.chest * 0.52
        step = 0.14 * pose.stride * side if pose.stance == "standing" else 0.04 + 0.04 * pose.stride * side
        shoulder = at.point(0.02, height - 0.25 * build.chest, out)
        if pose.stance == "lying":
            knee = at.point(0.22 * build.leg, bone * 1.5, out * 1.25)
            wrist = at.point(0.22 * build.leg + 0.42 * build.leg, bone, out * 1.15)
        else:
            knee = at.point(-0.03 + step * 0.4, 0.52 * (height - 0.2 * build.chest), out)
            wrist = at.point(step, bone * 1.0, out * 0.95)
        foot = wrist + ground.direction(bone * 0.9, 0) * 1.0
        radii = [bone * 1.9, bone * 1.25, bone * 1.0]
        cones += _limb(Part.LEG, [shoulder, knee, wrist], radii)
        cones.append(Cone(Part.LEG, wrist, foot, (bone * 1.05, bone * 1.12), (1, 1.1), 0.03, 0.6))
    return cones


def _hind_legs(build: Build, pose: Pose, ground: Frame, hip: Vector) -> list[Cone]:
    at = ground.at(vector(hip[0], 0, hip[2]), 1.0)
    height, bone, leg = -float(hip[1]), build.bone, build.leg
    cones = []
    for side in _LEFT_AND_RIGHT:
        out = side * build.hip * 0.62
        step = -0.12 * pose.stride * side
        if pose.stance == "standing":
            points = [
                at.point(0.02, height - 0.05, out),
                at.point(0.12 + step * 0.4, 0.56 * height, out * 1.1),
                at.point(-0.14 + step, 0.30 * height, out * 1.05),
                at.point(-0.06 + step, bone, out * 1.05),
            ]
            radii = [build.hip * 0.72, bone * 1.7, bone * 1.0, bone * 0.95]
        else:
            points = [
                at.point(0.02, height, out * 1.05),
                at.point(0.34 * leg, build.hip * 0.95, out * 1.75),
                at.point(0.10 * leg, bone * 1.3, out * 1.75),
                at.point(0.42 * leg, bone, out * 1.85),
            ]
            radii = [build.hip * 0.78, build.hip * 0.52, bone * 1.3, bone]
        foot = points[-1] + ground.direction(bone * 1.0, 0)
        cones += _limb(Part.LEG, points, radii, 0.08)
        cones.append(Cone(Part.LEG, points[-1], foot, (bone * 1.05, bone * 1.12), (1, 1.1), 0.03, 0.6))
    return cones


def _tail(build: Build, pose: Pose, ground: Frame, hip: Vector) -> list[Cone]:
    low = pose.stance != "standing"
    root = hip + build.hip * (-0.72 * ground.forward + (0.15 if low else 0.55) * ground.up)
    length, sway = build.tail_length, 0.35 * pose.wag
    thick = {"curled": 0.13, "straight": 0.05, "bushy": 0.10, "stub": 0.08}[build.tail]
    if build.tail == "curled":
        path = [(0, 0), (-0.22, 0.30), (-0.02, 0.62), (0.30, 0.52), (0.34, 0.28)]
    elif low:
        path = [(0, 0), (-0.30, -0.03), (-0.62, 0.02), (-0.85, 0.20)]
    else:
        path = [(0, 0), (-0.30, 0.02), (-0.62, 0.16), (-0.85, 0.45)]
    frame = ground.at(root, length)
    points = [frame.point(x, y, sway * x * x * 2) for x, y in path]
    lowest = thick * 0.8
    points = [vector(p[0], min(p[1], -lowest), p[2]) for p in points]
    swell = {"bushy": (0.8, 1.3, 1.2, 0.4), "curled": (0.9, 1.2, 1.2, 1.0, 0.6)}.get(build.tail, (1.3, 1, 0.8, 0.5))
    return _limb(Part.TAIL, points, [thick * factor for factor in swell])


def _tilted(seen: Figure, elevation: float) -> Figure:
    """Return the figure as seen by a viewer who looks down at `elevation` degrees."""
    c, s = turn(elevation)

    def tilt(v: Vector) -> Vector:
        return vector(v[0], c * v[1] + s * v[2], c * v[2] - s * v[1])

    def frame(f: Frame) -> Frame:
        return Frame(tilt(f.origin), tilt(f.forward), tilt(f.up), tilt(f.left), f.size)

    cones = [
        replace(
            cone,
            start=tilt(cone.start),
            end=tilt(cone.end),
            flat_axis=None if cone.flat_axis is None else tilt(cone.flat_axis),
        )
        for cone in seen.cones
    ]
    return Figure(cones, frame(seen.torso), frame(seen.face))
