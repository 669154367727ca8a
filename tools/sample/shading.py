"""Draws a dog: its cones at a higher resolution, coloured by its coat and lit by the scene."""

import math

import numpy as np

from tools.sample import coat, noise
from tools.sample.anatomy import Figure
from tools.sample.breeds import Breed
from tools.sample.scenery import Light
from tools.sample.surface import Part, Surface, rasterise
from tools.sample.vectors import Pixels, dots, unit, vector

_FINE = 2  # pixels drawn for each pixel of the photo, in both directions
_GLOSSY = (Part.EYE, Part.NOSE, Part.TONGUE)


def draw_dog(
    seen: Figure, breed: Breed, light: Light, shape: tuple[int, int], random: np.random.Generator
) -> tuple[Pixels, Pixels]:
    """Return the light from the dog, (3, height, width), and its coverage, (height, width).

    The light is already multiplied by the coverage.
    """
    fine = seen.placed(_FINE, vector(0, 0, 0))
    rows, columns = _window(fine, shape)
    size = (rows.stop - rows.start, columns.stop - columns.start)
    long, short, fray = (fine.torso.size * part for part in _hair(breed.build.fur))
    warp = np.stack([noise.plane(random, size, (long, short)) for _ in range(2)]) * np.float32(fray)
    surface = rasterise(fine.cones, warp, (columns.start, rows.start))
    texture = noise.plane(random, size, (long, short))
    color = _shaded(fine, breed, surface, texture, light, (columns.start, rows.start), random)
    layer, cover = np.zeros((3, *shape), np.float32), np.zeros(shape, np.float32)
    inner = tuple(slice(part.start // _FINE, part.stop // _FINE) for part in (rows, columns))
    layer[:, *inner], cover[inner] = _reduced(color), _reduced((surface.part > 0).astype(np.float32))
    return layer, cover


def _hair(fur: float) -> tuple[float, float, float]:
    """Return the length and width of a lock of hair, and how far it displaces the outline, in torso units."""
    return 0.05 + 0.06 * fur, 0.02 + 0.02 * fur, 0.002 + 0.038 * fur


def _window(fine: Figure, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of fine pixels around the figure. They cover whole pixels of the photo."""
    left, top, right, bottom = fine.extent()
    margin = 0.08 * fine.torso.size + 2
    spans = ((top, bottom, shape[0]), (left, right, shape[1]))
    wholes = [
        (max(0, math.floor((low - margin) / _FINE)), min(limit, math.ceil((high + margin) / _FINE)))
        for low, high, limit in spans
    ]
    rows, columns = (slice(_FINE * first, _FINE * last) for first, last in wholes)
    return rows, columns


def _reduced(fine: Pixels) -> Pixels:
    """Return the mean of each 2 × 2 fine pixels of the last two axes."""
    total: Pixels = fine[..., ::2, ::2] + fine[..., 1::2, ::2] + fine[..., ::2, 1::2] + fine[..., 1::2, 1::2]
    return total / np.float32(4)


def _shaded(
    fine: Figure,
    breed: Breed,
    surface: Surface,
    texture: Pixels,
    light: Light,
    origin: tuple[int, int],
    random: np.random.Generator,
) -> Pixels:
    """Return the light from each fine pixel, (3, height, width). It is black outside the dog."""
    shown = surface.part > 0
    rows, columns = np.nonzero(shown)
    points = np.stack(
        [(columns + origin[0]).astype(np.float32), (rows + origin[1]).astype(np.float32), surface.depth[shown]]
    )
    normal, grain = surface.normal[:, shown], texture[shown]
    skin = coat.Skin(
        surface.part[shown],
        surface.along[shown],
        coat.coordinates(fine.torso, points),
        coat.coordinates(fine.face, points),
        coat.directions(fine.torso, normal),
        random,
    )
    color = coat.paint(breed.coat, skin, grain)
    glossy = skin.on(*_GLOSSY)
    color = color * (1 + (1 - glossy) * grain * np.float32(0.04 + 0.20 * min(1.0, breed.build.fur)))
    color = color * _diffuse(normal, light) * _open(surface.depth, fine.torso.size)[shown]
    image = np.zeros((3, *shown.shape), np.float32)
    image[:, shown] = color + glossy * _gloss(normal, light)
    return image


def _diffuse(normal: Pixels, light: Light) -> Pixels:
    """Return the light that falls on each pixel, (3, n), from the sun, the sky and the ground.

    The sun also lights a part of the side that faces away from it.
    """
    sun = np.clip((dots(light.direction, normal) + 0.25) / 1.25, 0, 1)
    upward = 0.5 - 0.5 * normal[1]
    rim = (1 - normal[2]) ** 2 * upward
    total: Pixels = light.sun * sun + light.sky * (upward + 0.5 * rim) + light.bounce * (1 - upward)
    return total


def _gloss(normal: Pixels, light: Light) -> Pixels:
    """Return the highlight of each pixel, (n,), strongest halfway between the sun and the viewer."""
    shine = np.maximum(0, dots(unit(light.direction + vector(0, 0, 1)), normal))
    for _ in range(5):
        shine = shine * shine
    return shine * np.float32(0.6)


def _open(depth: Pixels, unit_length: float) -> Pixels:
    """Return how much sky each pixel sees, (height, width). It is less next to parts that are in front."""
    reach = max(1, round(0.07 * unit_length))
    padded = np.pad(depth, reach, mode="edge")
    height, width = depth.shape
    hidden = np.zeros_like(depth)
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (0.7, -0.7), (-0.7, 0.7), (-0.7, -0.7)):
        dx, dy = reach + round(x * reach), reach + round(y * reach)
        step = (padded[dy : dy + height, dx : dx + width] - depth) / np.float32(0.12 * unit_length)
        hidden += np.clip(step - 0.2, 0, 1)
    return 1 - np.float32(0.55) * np.minimum(1, hidden / 4)
