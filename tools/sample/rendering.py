"""Draws one photo: one or two dogs of a breed in front of a background, and the tight box of each dog."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.sample.anatomy import Figure, draw_pose, figure, vary
from tools.sample.breeds import BREEDS, Breed
from tools.sample.scenery import Light, draw_scene
from tools.sample.shading import draw_dog
from tools.sample.surface import Part
from tools.sample.vectors import Pixels, turn, vector

SEED = 20190601
_TWO_DOGS = 0.06

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Photo:
    """A drawn photo.

    Attributes:
        image: uint8 (height, width, 3).
        boxes: one (xmin, ymin, xmax, ymax) per dog in pixels; xmax and ymax are excluded.
        covers: for each dog, the share of each pixel that it covers, (height, width) in [0, 1]. Dogs in front of it
            are ignored.
    """

    image: NDArray[np.uint8]
    boxes: list[Box]
    covers: list[Pixels]


def draw_photo(breed: int, number: int, seed: int = SEED) -> Photo:
    """Draw photo `number` of the breed at index `breed`. It depends only on the three arguments."""
    random = np.random.default_rng([seed, breed, number])
    elevation = random.uniform(7, 20)
    figures = _pack(BREEDS[breed], elevation, random)
    shape = _frame(figures, random)
    figures, ground = _place(figures, shape, random)
    horizon = ground[1] - shape[0] * random.uniform(0.10, 0.42)
    image, light = draw_scene(random, shape, horizon)
    image = image * (1 - _shadow(figures, ground, elevation, light, shape))
    covers = []
    for seen in figures:
        color, cover = draw_dog(seen, BREEDS[breed], light, shape, random)
        image = image * (1 - cover) + color
        covers.append(cover)
    return Photo(_developed(image, random), _boxes(covers), covers)


def _pack(breed: Breed, elevation: float, random: np.random.Generator) -> list[Figure]:
    """Return the dogs of a photo side by side, the farthest first."""
    dogs = 2 if random.uniform() < _TWO_DOGS else 1
    figures = [figure(vary(breed.build, random), draw_pose(random), elevation) for _ in range(dogs)]
    if dogs == 2:
        first, second = (seen.extent() for seen in figures)
        overlap = random.uniform(0.0, 0.18) * min(first[2] - first[0], second[2] - second[0])
        behind = random.uniform(0, 0.5)
        c, s = turn(elevation)
        figures[0] = figures[0].placed(1.0, vector(second[2] - first[0] - overlap, -s * behind, -c * behind))
    return figures


def _extent(figures: list[Figure]) -> tuple[float, float, float, float]:
    sides = list(zip(*(seen.extent() for seen in figures), strict=True))
    return min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3])


def _frame(figures: list[Figure], random: np.random.Generator) -> tuple[int, int]:
    """Return the (height, width) of the photo. Its aspect ratio is roughly that of the dogs."""
    left, top, right, bottom = _extent(figures)
    aspect = math.sqrt((right - left) / (bottom - top)) * random.uniform(0.8, 1.3)
    aspect = min(1.6, max(0.65, aspect))
    longer = random.uniform(130, 215)
    width, height = (longer, longer / aspect) if aspect > 1 else (longer * aspect, longer)
    return max(120, round(height)), max(120, round(width))


def _place(
    figures: list[Figure], shape: tuple[int, int], random: np.random.Generator
) -> tuple[list[Figure], tuple[float, float, float]]:
    """Return the figures in pixels of the photo, and the place and scale of their ground: (x, y, scale)."""
    height, width = shape
    left, top, right, bottom = _extent(figures)
    fill = random.uniform(0.72, 0.92)
    scale = fill * min(width / (right - left), height / (bottom - top))
    spare_x, spare_y = width - scale * (right - left), height - scale * (bottom - top)
    x = spare_x * random.uniform(0.25, 0.75) - scale * left
    y = spare_y * random.uniform(0.35, 0.75) - scale * top
    return [seen.placed(scale, vector(x, y, 0)) for seen in figures], (x, y, scale)


def _shadow(
    figures: list[Figure], ground: tuple[float, float, float], elevation: float, light: Light, shape: tuple[int, int]
) -> Pixels:
    """Return the darkness of the ground, (height, width) in [0, 1]: a soft blob under each part near the ground."""
    c, s = turn(elevation)
    x0, y0, scale = ground
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    lit = np.ones(shape, np.float32)
    for cone in (cone for seen in figures for cone in seen.cones if cone.part in (Part.TORSO, Part.LEG)):
        x, y, z = cone.end - vector(x0, y0, 0)
        high, deep = -(c * y - s * z), s * y + c * z
        radius = cone.radii[1] * 1.5 + 0.25 * high
        weight = 0.5 * max(0.0, 1 - high / scale / 0.8)
        across = (columns - np.float32(x0 + x - 0.5 * high * light.direction[0])) / np.float32(radius)
        down = (rows - np.float32(y0 + s * deep)) / np.float32(radius * max(s, 0.22))
        blob = np.maximum(0, 1 - across * across - down * down)
        lit *= 1 - np.float32(weight) * blob * (2 - blob)
    return np.float32(0.75) * (1 - lit)


def _developed(image: Pixels, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return linear light (3, height, width) as an 8-bit photo with its own exposure and white balance."""
    exposure = random.uniform(0.9, 1.2)
    balance = np.array([exposure * random.uniform(0.94, 1.06) for _ in range(3)], np.float32)[:, None, None]
    bright = np.maximum(0, image * balance)
    shown = np.sqrt(bright * np.float32(1.2) / (1 + np.float32(0.25) * bright))
    pixels = np.floor(np.clip(shown, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
    return np.ascontiguousarray(pixels.transpose(1, 2, 0))


def _boxes(covers: list[Pixels]) -> list[Box]:
    """Return the box of the visible pixels of each dog. A later dog hides earlier ones."""
    boxes: list[Box] = []
    hidden = np.zeros_like(covers[0])
    for cover in reversed(covers):
        visible = cover * (1 - hidden) >= 0.5
        rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
        boxes.insert(0, (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
        hidden = np.maximum(hidden, cover)
    return boxes
