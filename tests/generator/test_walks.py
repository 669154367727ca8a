"""Walks: each picture belongs to its latent and breed, walks end at the breeds themselves, and films loop."""

from itertools import pairwise

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pedigree.common.grids import GAP
from pedigree.generator.model import Generator
from pedigree.generator.walks import Walk, along, between, dimensions, lerp, loop, slerp
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BREEDS = ("n90000001-Red", "n90000002-Blue", "n90000003-Green")
SIZE, LATENT = 16, 12


def built(architecture: str, latent: str = "normal") -> Generator:
    """Build a generator whose breeds differ. In some architectures, the tables of breeds start with equal rows."""
    keras.utils.set_random_seed(1)
    network = ARCHITECTURES[architecture].build_generator(
        Shape(SIZE, 3, LATENT, len(BREEDS), 8), LayerFactory(keras_only=True)
    )
    chance = np.random.default_rng(2)
    for table in tables(network):
        table.set_weights([table.get_weights()[0] + chance.normal(0, 0.5, table.embeddings.shape)])
    return Generator(network, BREEDS, latent)


def tables(network: keras.Model) -> list[keras.layers.Embedding]:
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Embedding)]


@pytest.fixture(scope="module")
def generator() -> Generator:
    return built("projection-dcgan")


def labels(breed: int, count: int) -> np.ndarray:
    return np.full(count, breed, np.int32)


def assert_same_pictures(one: np.ndarray, other: np.ndarray) -> None:
    """Compare pictures. They may differ by one level, because batches of other sizes round differently."""
    assert one.shape == other.shape
    assert np.abs(one.astype(int) - other.astype(int)).max() <= 1


def test_along_changes_only_one_number_of_the_latent(generator: Generator) -> None:
    latent, values = generator.latents(1, 3)[0], np.array([-2, 0.5, 2], np.float32)
    pictures = along(generator, 1, latent, [7, 0], values)
    for row, dimension in enumerate((7, 0)):
        for column, value in enumerate(values):
            changed = latent.copy()
            changed[dimension] = value
            assert_same_pictures(pictures[row, column][None], generator.draw_latents(changed[None], labels(1, 1)))


def test_the_dimensions_that_change_the_picture_most_come_first_and_of_equal_ones_the_earlier() -> None:
    generator = built("projection-dcgan")
    first = next(layer for layer in generator.network.layers if isinstance(layer, keras.layers.Dense))
    kernel = first.get_weights()[0]
    strengths = np.zeros((LATENT, 1))
    strengths[[4, 7, 2], 0] = 9, 3, 0.3
    first.set_weights([kernel * strengths])
    chosen = dimensions(generator, 0, generator.latents(1, 3)[0], 5, 2.0)
    assert chosen == [4, 7, 2, 0, 1]


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_walk_between_breeds_ends_at_the_breeds_themselves_and_differs_between(architecture: str) -> None:
    generator = built(architecture)
    latents = generator.latents(3, 5)
    pictures = between(generator, 2, 0, latents, np.array([0, 0.5, 1], np.float32))
    assert_same_pictures(pictures[:, 0], generator.draw_latents(latents, labels(2, 3)))
    assert_same_pictures(pictures[:, 2], generator.draw_latents(latents, labels(0, 3)))
    for end in (0, 2):
        assert np.abs(pictures[:, 1].astype(int) - pictures[:, end]).mean((1, 2, 3)).min() > 0


def test_a_blend_draws_the_pictures_of_a_network_with_the_mixture_in_its_tables(generator: Generator) -> None:
    latents = generator.latents(2, 5)
    drawn = between(generator, 0, 1, latents, np.array([0.3], np.float32))[:, 0]
    rewritten = built("projection-dcgan")
    for table in tables(rewritten.network):
        rows = table.get_weights()[0]
        rows[2] = 0.7 * rows[0] + 0.3 * rows[1]
        table.set_weights([rows])
    assert_same_pictures(drawn, rewritten.draw_latents(latents, labels(2, 2)))


def angles(walk: np.ndarray) -> np.ndarray:
    """Return the angle from each latent of a looped walk `(frames, latent_size)` to the next."""
    directions = walk / np.linalg.norm(walk, axis=-1, keepdims=True)
    return np.arccos((directions * np.roll(directions, -1, axis=0)).sum(-1).clip(-1, 1))


def test_a_loop_of_normal_latents_follows_even_arcs_through_its_corners_and_closes() -> None:
    corners = np.random.default_rng(0).normal(size=(4, 50)).astype(np.float32)
    corners /= np.linalg.norm(corners, axis=1, keepdims=True)
    walk = loop(corners, 40)
    np.testing.assert_allclose(walk[::10], corners, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(walk, axis=1), 1, atol=1e-5)
    for part in angles(walk).reshape(4, 10):  # the last ten lead from the last corner to the first
        np.testing.assert_allclose(part, part.mean(), atol=1e-3)


def test_a_loop_of_uniform_latents_stays_in_their_cube_and_closes() -> None:
    corners = np.random.default_rng(0).uniform(-1, 1, (4, 3, 50)).astype(np.float32)
    walk = loop(corners, 40, "uniform")
    np.testing.assert_allclose(walk[::10], corners, atol=1e-6)
    assert np.abs(walk).max() <= 1
    steps = np.roll(walk, -1, axis=0) - walk
    for part in steps.reshape(4, 10, 3, 50):
        np.testing.assert_allclose(part, np.broadcast_to(part[0], part.shape), atol=1e-6)


def test_an_arc_is_part_of_a_circle() -> None:
    start, end = np.array([2.0, 0, 0], np.float32), np.array([0, 2.0, 0], np.float32)
    third = np.pi / 6
    np.testing.assert_allclose(slerp(start, end, 1 / 3), 2 * np.array([np.cos(third), np.sin(third), 0]), atol=1e-6)


VECTORS = st.lists(st.sampled_from([-1.5, -1e-3, 0.0, 0.2, 1.0, 2.0]), min_size=3, max_size=3)


@given(VECTORS, VECTORS, st.sampled_from([0.0, 0.25, 1.0]))
@settings(deadline=None, max_examples=200)
def test_an_arc_starts_and_ends_at_its_vectors_whatever_they_are(start: list, end: list, time: float) -> None:
    one, other = np.array(start, np.float32), np.array(end, np.float32)
    point = slerp(one, other, time)
    assert np.isfinite(point).all()
    if time in (0.0, 1.0):
        np.testing.assert_allclose(point, lerp(one, other, time), atol=1e-3)


def cells(sheet: Image.Image, rows: int, columns: int, labelled: bool = False) -> np.ndarray:
    """Return the pictures of a sheet. They lie at its lower edge, and at its left edge unless rows are labelled."""
    step = SIZE + GAP
    left = sheet.width - columns * step - GAP if labelled else 0
    pixels = np.asarray(sheet)[-rows * step :, left + GAP :][:, : columns * step]
    return pixels.reshape(rows, step, columns, step, 3)[:, :SIZE, :, :SIZE].swapaxes(1, 2)


@pytest.mark.parametrize(
    ("latent", "truncation", "far"), [("normal", None, 2), ("normal", 0.5, 0.5), ("uniform", None, 1)]
)
def test_a_sheet_within_a_breed_changes_each_dimension_up_to_the_reach_of_the_prior(
    latent: str, truncation: float | None, far: float
) -> None:
    generator = built("projection-dcgan", latent)
    walk = Walk(generator, 1, seed=4, count=3, steps=5, truncation=truncation, side=SIZE)
    start = generator.latents(1, 4, truncation)[0]
    values = np.array([-far, -far / 2, 0, far / 2, far], np.float32)
    assert_same_pictures(
        cells(walk.sheet([5, 0, 2]), 3, 5, labelled=True), along(generator, 1, start, [5, 0, 2], values)
    )
    chosen = dimensions(generator, 1, start, 3, far)
    assert np.array_equal(np.asarray(walk.sheet()), np.asarray(walk.sheet(chosen)))


def test_a_sheet_between_breeds_has_a_row_for_each_of_the_seeds_latents(generator: Generator) -> None:
    sheet = Walk(generator, 0, 2, seed=4, count=3, steps=5, side=SIZE).sheet()
    drawn = cells(sheet, 3, 5)
    assert_same_pictures(drawn[:, 0], generator.draw(labels(0, 3), 4))
    assert_same_pictures(drawn[:, -1], generator.draw(labels(2, 3), 4))


def test_the_sheets_drawn_during_training_are_one_batch_each(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    draw = Generator.draw_latents
    monkeypatch.setattr(Generator, "draw_latents", lambda *args: drawn.append(len(args[1])) or draw(*args))
    Walk(generator, 0).sheet(range(7))
    Walk(generator, 0, 1).sheet()
    assert drawn == [63, 63]


def frames_of(walk: Walk, count: int) -> np.ndarray:
    """Return the pictures of a film, `(frames, count, size, size, 3)`. A row of a frame holds four."""
    rows, columns = -(-count // 4), min(count, 4)
    return np.stack([cells(frame, rows, columns).reshape(-1, SIZE, SIZE, 3)[:count] for frame in walk.film()])


def changes(film: np.ndarray) -> list[float]:
    return [float(np.abs(one.astype(int) - other).mean()) for one, other in pairwise(film)]


def test_a_film_within_a_breed_starts_with_the_seeds_pictures_and_closes(generator: Generator) -> None:
    film = frames_of(Walk(generator, 1, seed=4, count=6, steps=40, side=SIZE), 6)
    assert_same_pictures(film[0], generator.draw(labels(1, 6), 4))
    assert 0 < np.abs(film[0].astype(int) - film[-1]).mean() <= 1.5 * max(changes(film))
    assert np.abs(film[0].astype(int) - film[20]).mean() > 3 * max(changes(film))


def test_a_film_between_breeds_goes_forth_and_back_with_the_same_latents(generator: Generator) -> None:
    film = frames_of(Walk(generator, 0, 1, seed=4, count=3, steps=16, side=SIZE), 3)
    assert_same_pictures(film[0], generator.draw(labels(0, 3), 4))
    assert_same_pictures(film[8], generator.draw(labels(1, 3), 4))
    assert_same_pictures(film[1:8], film[:8:-1])


def test_places_without_a_picture_in_a_film_are_white(generator: Generator) -> None:
    last = cells(Walk(generator, 0, seed=4, count=6, steps=2, side=SIZE).film()[1], 2, 4)
    assert (last[1, 2:] == 255).all()
    assert (last[1, 1] != 255).any()
