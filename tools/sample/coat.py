"""The colour of every pixel of a dog: the ground colour, the markings over it, and eyes, nose and tongue."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.sample import noise
from tools.sample.breeds import Coat, Color
from tools.sample.head import EYE
from tools.sample.noise import step
from tools.sample.surface import Part
from tools.sample.vectors import Frame, Pixels, dots

_COLLARS = ((0.80, 0.12, 0.12), (0.12, 0.30, 0.75), (0.10, 0.55, 0.30), (0.90, 0.65, 0.10), (0.55, 0.15, 0.60))
_DARK = (0.16, 0.10, 0.10)
_PINK = (0.86, 0.45, 0.47)


@dataclass(frozen=True)
class Skin:
    """The n pixels of one dog.

    Attributes:
        part: the part of the dog that each pixel shows, (n,).
        along: the position along this part, (n,).
        body: the coordinates of each pixel in the frame of the torso, three arrays (n,).
        head: the coordinates in the frame of the face.
        normal: the normals in the axes of the torso, three arrays (n,).
        random: draws the random markings.
    """

    part: NDArray[np.int8]
    along: Pixels
    body: list[Pixels]
    head: list[Pixels]
    normal: list[Pixels]
    random: np.random.Generator

    def on(self, *parts: Part) -> Pixels:
        """Return 1 where the pixel shows one of `parts`, else 0."""
        return np.isin(self.part, parts).astype(np.float32)


def coordinates(frame: Frame, points: Pixels) -> list[Pixels]:
    """Return the forward, up and left coordinates of `points` (3, n), in units of the frame."""
    moved = [points[axis] - np.float32(frame.origin[axis]) for axis in range(3)]
    return [part / np.float32(frame.size) for part in directions(frame, moved)]


def directions(frame: Frame, vectors: list[Pixels] | Pixels) -> list[Pixels]:
    """Return the forward, up and left components of `vectors` (3, n)."""
    return [dots(axis, vectors) for axis in (frame.forward, frame.up, frame.left)]


def paint(coat: Coat, skin: Skin, texture: Pixels) -> Pixels:
    """Return the colour of each pixel, (3, n), as reflectance (linear light).

    `texture` in [-1, 1] makes the edges of the markings uneven.
    """
    random = skin.random
    shade = random.uniform(0.92, 1.06)
    tint = np.array([shade * random.uniform(0.97, 1.03) for _ in range(3)], np.float32)[:, None]
    colors = np.ones_like(texture) * _linear(coat.ground) * tint
    for marking, color in coat.markings:
        weight = _MARKINGS[marking](skin, texture)
        colors += (_linear(color) * tint - colors) * weight
    return _features(coat, skin, colors)


def _features(coat: Coat, skin: Skin, colors: Pixels) -> Pixels:
    """Paint the parts that are not fur."""
    away = [
        skin.head[0] - np.float32(EYE[0]),
        skin.head[1] - np.float32(EYE[1]),
        np.abs(skin.head[2]) - np.float32(EYE[2]),
    ]
    beside = away[1] * away[1] + away[2] * away[2]
    lids = step(beside + away[0] * away[0], 0.066, 0.040) * skin.on(Part.SKULL, Part.MUZZLE) * np.float32(0.75)
    colors = colors + (_linear(_DARK) - colors) * lids
    colors = np.where(skin.on(Part.EAR_INSIDE) > 0, 0.45 * colors + 0.55 * _linear((0.75, 0.50, 0.46)), colors)
    pupil = skin.on(Part.EYE) * step(beside, 0.012, 0.006)
    collar = _COLLARS[skin.random.integers(len(_COLLARS))]
    plain = (
        (Part.EYE, coat.iris),
        (Part.NOSE, coat.nose),
        (Part.TONGUE, _PINK),
        (Part.MOUTH, _DARK),
        (Part.COLLAR, collar),
    )
    for part, color in plain:
        colors = np.where(skin.on(part) > 0, _linear(color), colors)
    return colors * (1 - 0.9 * pupil)


def _linear(color: Color) -> Pixels:
    """Return a colour as linear light, (3, 1). The square, which is exact, replaces the sRGB curve."""
    return np.array(color, np.float32)[:, None] ** 2


def _belly(skin: Skin, texture: Pixels) -> Pixels:
    return step(-skin.normal[1] + 0.2 * texture, 0.15, 0.5) * skin.on(Part.TORSO, Part.TAIL, Part.NECK)


def _chest(skin: Skin, texture: Pixels) -> Pixels:
    front = 0.8 * skin.normal[0] - 0.45 * skin.normal[1] - 0.35 * np.abs(skin.normal[2]) + 0.15 * texture
    place = skin.on(Part.TORSO) * step(skin.along, 0.6, 0.9) + skin.on(Part.NECK)
    return step(front, 0.35, 0.6) * place


def _socks(skin: Skin, texture: Pixels) -> Pixels:
    return step(skin.along + 0.12 * texture, 0.5, 0.62) * skin.on(Part.LEG)


def _saddle(skin: Skin, texture: Pixels) -> Pixels:
    back = step(skin.normal[1] + 0.25 * texture, -0.12, 0.22)
    return back * skin.on(Part.TORSO, Part.TAIL) + step(skin.normal[1] + 0.2 * texture, 0.2, 0.5) * skin.on(Part.NECK)


def _mask(skin: Skin, texture: Pixels) -> Pixels:
    forward, up, left = skin.head
    face = step(forward - 0.7 * up - 0.25 * np.abs(left) + 0.12 * texture, 0.6, 0.85)
    return np.minimum(1, skin.on(Part.MUZZLE) + face * skin.on(Part.SKULL))


def _muzzle(skin: Skin, texture: Pixels) -> Pixels:
    forward, up, _ = skin.head
    face = step(forward - 1.1 * up + 0.12 * texture, 0.85, 1.05) * skin.on(Part.SKULL)
    return np.minimum(1, step(forward - 0.9 * up + 0.12 * texture, 0.65, 0.85) * skin.on(Part.MUZZLE) + face)


def _blaze(skin: Skin, texture: Pixels) -> Pixels:
    stripe = step(np.abs(skin.head[2]) + 0.05 * texture + 0.10 * skin.head[1], 0.30, 0.20)
    return stripe * step(skin.head[0], 0.0, 0.3) * skin.on(Part.SKULL, Part.MUZZLE)


def _ears(skin: Skin, texture: Pixels) -> Pixels:
    return skin.on(Part.EAR, Part.EAR_INSIDE)


def _spots(skin: Skin, texture: Pixels) -> Pixels:
    weight = _scattered(skin, skin.body, 60, (0.025, 0.070)) * skin.on(Part.TORSO, Part.LEG, Part.NECK, Part.TAIL)
    return weight + _scattered(skin, skin.head, 30, (0.05, 0.13)) * skin.on(Part.SKULL)


def _scattered(skin: Skin, place: list[Pixels], count: int, radii: tuple[float, float]) -> Pixels:
    """Return 1 inside round spots around random pixels, else 0. `radii` are in units of `place`."""
    weight = np.zeros_like(place[0])
    for centre in skin.random.integers(len(weight), size=count):
        away = [axis - axis[centre] for axis in place]
        radius = skin.random.uniform(*radii)
        distance = away[0] * away[0] + away[1] * away[1] + away[2] * away[2]
        weight = np.maximum(weight, step(distance, radius * radius * 1.25, radius * radius * 0.8))
    return weight


def _brindle(skin: Skin, texture: Pixels) -> Pixels:
    bend = noise.solid(skin.random, [axis * np.float32(4) for axis in skin.body])
    wave = skin.body[0] * 15 + 1.6 * bend + 0.5 * texture + skin.body[1] * 4
    ripple = np.abs(wave - np.floor(wave) - np.float32(0.5)) * 4 - 1
    fur = skin.on(Part.TORSO, Part.LEG, Part.NECK, Part.TAIL, Part.SKULL, Part.EAR)
    return step(ripple, -0.5, 0.6) * np.float32(0.85) * fur


def _brows(skin: Skin, texture: Pixels) -> Pixels:
    forward, up, left = skin.head
    distance = (up - np.float32(0.66)) ** 2 + (np.abs(left) - np.float32(0.36)) ** 2
    return step(distance, 0.035, 0.015) * step(forward, 0.2, 0.4) * skin.on(Part.SKULL)


_MARKINGS = {
    "belly": _belly,
    "chest": _chest,
    "socks": _socks,
    "saddle": _saddle,
    "mask": _mask,
    "muzzle": _muzzle,
    "blaze": _blaze,
    "ears": _ears,
    "spots": _spots,
    "brindle": _brindle,
    "brows": _brows,
}
