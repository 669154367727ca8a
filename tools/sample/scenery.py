"""Draws backgrounds and their light: lawn, snow, beach, autumn, street and room. They do not depend on the breed."""

from dataclasses import dataclass

import numpy as np

from tools.sample import noise
from tools.sample.breeds import Color
from tools.sample.noise import mixed, step
from tools.sample.vectors import Pixels, Vector, unit, vector


@dataclass(frozen=True)
class Light:
    """Sunlight, and light from the sky and the ground. `direction` points to the sun; colours are (3, 1), linear."""

    direction: Vector
    sun: Pixels
    sky: Pixels
    bounce: Pixels


@dataclass(frozen=True)
class Place:
    """The sRGB colours of a place, from the top of the photo to the bottom. `rough` is the contrast of the ground."""

    top: Color
    bottom: Color
    band: Color
    far: Color
    near: Color
    rough: float
    indoors: bool = False


PLACES = (
    Place((0.45, 0.64, 0.88), (0.80, 0.88, 0.94), (0.25, 0.42, 0.22), (0.42, 0.58, 0.27), (0.30, 0.48, 0.18), 0.14),
    Place((0.62, 0.72, 0.84), (0.88, 0.91, 0.95), (0.45, 0.53, 0.58), (0.86, 0.89, 0.94), (0.90, 0.93, 0.97), 0.05),
    Place((0.40, 0.66, 0.90), (0.82, 0.90, 0.95), (0.22, 0.50, 0.62), (0.80, 0.72, 0.56), (0.86, 0.77, 0.60), 0.07),
    Place((0.82, 0.74, 0.58), (0.88, 0.66, 0.36), (0.60, 0.34, 0.16), (0.62, 0.44, 0.24), (0.50, 0.34, 0.18), 0.16),
    Place((0.60, 0.63, 0.67), (0.74, 0.75, 0.77), (0.48, 0.42, 0.40), (0.55, 0.55, 0.56), (0.46, 0.46, 0.48), 0.06),
    Place(
        (0.88, 0.81, 0.68), (0.82, 0.75, 0.62), (0.93, 0.92, 0.89), (0.60, 0.42, 0.28), (0.68, 0.48, 0.32), 0.05, True
    ),
    Place(
        (0.52, 0.62, 0.72), (0.48, 0.58, 0.68), (0.90, 0.90, 0.88), (0.50, 0.48, 0.47), (0.62, 0.60, 0.58), 0.04, True
    ),
    Place(
        (0.62, 0.68, 0.54), (0.58, 0.64, 0.50), (0.92, 0.90, 0.86), (0.44, 0.32, 0.24), (0.52, 0.38, 0.28), 0.05, True
    ),
)


def draw_scene(random: np.random.Generator, shape: tuple[int, int], horizon: float) -> tuple[Pixels, Light]:
    """Return a background, (3, height, width) in linear light, and its light. The ground begins at row `horizon`."""
    place = PLACES[random.integers(len(PLACES))]
    rows = np.broadcast_to(_middles(shape[0])[:, None], shape)
    near = _varied(place.near, random)
    ground = _ground(place, near, random, rows, horizon)
    image = mixed(_behind(place, random, rows, horizon), ground, step(rows, horizon - 2, horizon + 2))
    return image, _light(random, near)


def _behind(place: Place, random: np.random.Generator, rows: Pixels, horizon: float) -> Pixels:
    """Return the sky and skyline, or the wall and skirting board."""
    height, width = rows.shape
    top, bottom, band = (_varied(color, random) for color in (place.top, place.bottom, place.band))
    cloudy = np.float32(0.03 if place.indoors else 0.08)
    clouds = noise.plane(random, (height, width), (height * 0.2, width * 0.4))
    image = mixed(top, bottom, step(rows, 0, horizon)) * (1 + cloudy * clouds)
    if place.indoors:
        return mixed(image, band, step(rows, horizon - height * 0.06, horizon - height * 0.05))
    return mixed(image, band, _skyline(random, rows, horizon))


def _skyline(random: np.random.Generator, rows: Pixels, horizon: float) -> Pixels:
    """Return the weight of the trees or houses in the distance: an uneven, blurred band above the horizon."""
    height, width = rows.shape
    tall = np.float32(random.uniform(0.04, 0.22) * height)
    bumps = noise.plane(random, (1, width), (1, width * random.uniform(0.12, 0.3)))
    above: Pixels = rows - np.float32(horizon) + tall * (1 + np.float32(0.7) * bumps)
    return step(above, -0.05 * height, 0.05 * height) * np.float32(random.uniform(0.6, 1))


def _ground(place: Place, near: Pixels, random: np.random.Generator, rows: Pixels, horizon: float) -> Pixels:
    """Return uneven ground, or a floor, sometimes of boards that converge in the distance."""
    height, width = rows.shape
    nearness = np.clip((rows - np.float32(horizon)) / np.float32(height - horizon), 0, 1)
    coarse, fine = (noise.plane(random, (height, width), cell) for cell in ((height * 0.06, width * 0.16), (7.0, 12.0)))
    lumps = np.float32(place.rough) * (coarse + fine) * (np.float32(0.3) + np.float32(0.7) * nearness)
    ground: Pixels = mixed(_varied(place.far, random), near, nearness) * (1 + lumps)
    if place.indoors and random.uniform() < 0.6:
        across = _middles(width) / np.float32(width) - np.float32(random.uniform())
        board = across / (np.float32(0.25) + nearness) * np.float32(random.uniform(4, 7))
        gap = np.abs(board - np.floor(board) - np.float32(0.5))
        ground = ground * (1 - np.float32(0.35) * step(gap, 0.46, 0.49))
    return ground


def _middles(length: int) -> Pixels:
    return np.arange(length, dtype=np.float32) + np.float32(0.5)


def _light(random: np.random.Generator, ground: Pixels) -> Light:
    direction = unit(vector(random.uniform(-0.9, 0.9), -random.uniform(0.45, 1.0), random.uniform(0.35, 0.9)))
    warmth = random.uniform(-0.08, 0.08)
    strength = random.uniform(0.55, 0.95)
    sun = np.array([strength * (1 + warmth), strength, strength * (1 - warmth)], np.float32)[:, None]
    sky = np.array([1 - warmth, 1, 1 + warmth], np.float32)[:, None] * np.float32(random.uniform(0.38, 0.52))
    return Light(direction, sun, sky, ground[:, :, 0] * np.float32(0.45) + np.float32(0.08))


def _varied(color: Color, random: np.random.Generator) -> Pixels:
    """Return a colour near `color`, in linear light, (3, 1, 1)."""
    shade = random.uniform(0.85, 1.08)
    varied = np.array([shade * part + random.uniform(-0.04, 0.04) for part in color], np.float32)[:, None, None]
    return varied * varied
