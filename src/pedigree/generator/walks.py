"""Walks through what a generator has learned: along one dimension of its latent, through latents, between breeds.

Pictures come as `(rows, columns, size, size, 3)` uint8 RGB. `Walk` lays them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.common.breeds import display_name
from pedigree.common.grids import grid
from pedigree.errors import PedigreeError
from pedigree.generator.model import Generator, Latents

REACH = {"normal": 2.0, "uniform": 1.0}  # how far from 0 a dimension is walked, by the latent's prior
CORNERS = 4  # latents that a loop goes through
ABREAST = 4  # pictures in a row of a film
WHITE = 255

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Walk:
    """A walk within one breed or from one to another, and how it is shown.

    Attributes:
        breed: index of the breed, or of the first of two.
        to: index of the second; None: stay within `breed`.
        seed: whose latents are walked from; the same that `Generator.draw` has for it.
        count: rows of a sheet, pictures side by side in a film. With those of `steps`, a sheet's 63 are one batch.
        steps: columns of a sheet, frames of a film.
        truncation: as in `Generator.latents`; None for none.
        side: pixels to which smaller pictures are enlarged, about.
    """

    generator: Generator
    breed: int
    to: int | None = None
    seed: int = 0
    count: int = 7
    steps: int = 9
    truncation: float | None = None
    side: int = 64

    @property
    def title(self) -> str:
        """What is walked, in words."""
        ends = [self.breed] if self.to is None else [self.breed, self.to]
        return " to ".join(display_name(self.generator.breeds[end]) for end in ends)

    def sheet(self, chosen: Sequence[int] | None = None) -> Image.Image:
        """Lay out the walk, from left to right.

        To another breed: a row a latent, and how much of the other breed is in it above. Within a breed: a row a
        dimension of the first latent, those `chosen` or else those that change the picture most (which are found by
        drawing every dimension's ends), and the dimension's values above: from -2 to 2, of a uniform latent from -1 to
        1, never beyond `truncation`.
        """
        if self.to is not None:
            shares = np.linspace(0, 1, self.steps, dtype=np.float32)
            images = between(self.generator, self.breed, self.to, self._latents(self.count), shares)
            return self._laid_out(images, None, [f"{share:.0%}" for share in shares])
        latent, values = self._latents(1)[0], np.linspace(-1, 1, self.steps, dtype=np.float32) * self._reach
        if chosen is None:
            chosen = dimensions(self.generator, self.breed, latent, self.count, self._reach)
        images = along(self.generator, self.breed, latent, chosen, values)
        return self._laid_out(images, [f"dimension {place}" for place in chosen], [f"{v:.2g}" for v in values])

    def film(self) -> list[Image.Image]:
        """Draw the walk's frames; after the last the first could follow.

        Within a breed each picture goes through four latents and back to the first; to another breed each keeps its
        latent, and goes there and back.
        """
        if self.to is None:
            corners = self._latents(CORNERS * self.count).reshape(CORNERS, self.count, -1)
            latents = loop(corners, self.steps, self.generator.latent)
            images = _draw(self.generator, latents, np.full(latents.shape[:2], self.breed))
            return [self._frame(frame, self.title) for frame in images]
        shares = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.steps) / self.steps)).astype(np.float32)
        images = between(self.generator, self.breed, self.to, self._latents(self.count), shares).swapaxes(0, 1)
        return [self._frame(frame, f"{self.title}: {share:.0%}") for frame, share in zip(images, shares, strict=True)]

    @property
    def _reach(self) -> float:
        return min(REACH[self.generator.latent], self.truncation or np.inf)

    def _latents(self, count: int) -> Latents:
        return self.generator.latents(count, self.seed, self.truncation)

    def _frame(self, images: Images, title: str) -> Image.Image:
        """Lay out the pictures `(count, size, size, 3)` of a moment, the last row filled up with white."""
        abreast = min(len(images), ABREAST)
        blank = np.full((-len(images) % abreast, *images.shape[1:]), WHITE, np.uint8)
        cells = np.concatenate([images, blank])
        return self._laid_out(cells.reshape(-1, abreast, *images.shape[1:]), None, None, title)

    def _laid_out(
        self, images: Images, rows: Sequence[str] | None, columns: Sequence[str] | None, title: str | None = None
    ) -> Image.Image:
        return grid(images, rows, max(1, self.side // self.generator.image_size), columns, title or self.title)


def dimensions(generator: Generator, breed: int, latent: Latents, count: int, reach: float) -> list[int]:
    """Find the `count` dimensions of `latent` `(latent_size,)` that change the picture most, the most telling first.

    A dimension's change is the mean absolute difference between the pictures with it at -`reach` and at `reach`. Of
    equal ones the earlier goes first.
    """
    ends = np.array([-reach, reach], np.float32)
    pictures = along(generator, breed, latent, range(generator.latent_size), ends).astype(np.int32)
    change = np.abs(pictures[:, 1] - pictures[:, 0]).sum((1, 2, 3))
    return [int(dimension) for dimension in np.argsort(-change, kind="stable")[:count]]


def along(generator: Generator, breed: int, latent: Latents, chosen: Sequence[int], values: Floats) -> Images:
    """Draw `latent` `(latent_size,)` with one dimension of `chosen`, a row each, set to each of `values` `(steps,)`."""
    latents = np.tile(latent, (len(chosen), len(values), 1))
    for row, dimension in enumerate(chosen):
        latents[row, :, dimension] = values
    return _draw(generator, latents, np.full(latents.shape[:2], breed))


def between(generator: Generator, one: int, other: int, latents: Latents, shares: Floats) -> Images:
    """Draw each of `latents` `(rows, latent_size)` as mixtures of two breeds.

    `shares` `(steps,)` say how much of `other` is in a mixture: 0 draws `one` itself, 1 draws `other`.
    """
    across = np.broadcast_to(latents[:, None], (len(latents), len(shares), latents.shape[1]))
    labels = np.broadcast_to(np.arange(len(shares)), across.shape[:2])
    return _draw(blended(generator, one, other, shares), across, labels)


def blended(generator: Generator, one: int, other: int, shares: Floats) -> Generator:
    """Make a generator whose breed i has `shares[i]` of breed `other` in breed `one`.

    A network meets the breed only as a row of each of its embedding tables, and what follows a table takes any vector.
    So this is a copy whose tables have the rows (1 - share) · row[one] + share · row[other]; `generator` is left alone.

    Raises:
        PedigreeError: where the network has no such table.
    """
    import keras

    def resized(layer: keras.Layer) -> keras.Layer:
        settings = layer.get_config()
        if isinstance(layer, keras.layers.Embedding):
            settings["input_dim"] = len(shares)
        return type(layer).from_config(settings)

    kept = generator.network
    if not any(isinstance(layer, keras.layers.Embedding) for layer in kept.layers):
        raise PedigreeError("The generator has no table of breeds (Embedding layer): there is no way between two.")
    copy = keras.models.clone_model(kept, clone_function=resized)
    for layer, its_copy in zip(kept.layers, copy.layers, strict=True):
        weights = layer.get_weights()
        if isinstance(layer, keras.layers.Embedding):
            weights = [lerp(weights[0][one], weights[0][other], shares[:, None])]
        its_copy.set_weights(weights)
    return Generator(copy, tuple(f"{share:.0%}" for share in shares), generator.latent)


def loop(corners: Latents, frames: int, latent: str = "normal") -> Latents:
    """Walk in `frames` steps from each of `corners` `(corners, ..., latent_size)` to the next and back to the first.

    Normal latents are joined by arcs, on which they keep the length that the network knows (White, "Sampling
    Generative Networks", 2016); uniform ones by straight lines, which stay in their cube.

    Returns:
        `(frames, ..., latent_size)`, of which the first would come next after the last.
    """
    join = slerp if latent == "normal" else lerp
    times = np.arange(frames) * len(corners) / frames
    following = np.roll(corners, -1, axis=0)
    return np.stack([join(corners[int(time)], following[int(time)], time % 1) for time in times])


def slerp(start: Floats, end: Floats, time: float) -> Floats:
    """Go along the arc from `start` at time 0 to `end` at 1, vectors along the last axis (Shoemake, "Animating Rotation
    with Quaternion Curves", 1985); vectors in line with each other have no arc of their own, and get the straight line.
    """
    lengths = np.linalg.norm(start, axis=-1, keepdims=True) * np.linalg.norm(end, axis=-1, keepdims=True)
    cosine = (start * end).sum(-1, keepdims=True) / np.maximum(lengths, 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    sine = np.maximum(np.sin(angle), 1e-12)
    arc = (np.sin((1 - time) * angle) * start + np.sin(time * angle) * end) / sine
    return np.where(sine > 1e-4, arc, lerp(start, end, time)).astype(np.float32)


def lerp(start: Floats, end: Floats, time: float | Floats) -> Floats:
    """Go straight from `start` at time 0 to `end` at 1."""
    return ((1 - time) * start + time * end).astype(np.float32)


def _draw(generator: Generator, latents: Latents, labels: npt.NDArray[np.int64]) -> Images:
    """Draw latents `(rows, columns, latent_size)` of breeds `(rows, columns)`."""
    flat = generator.draw_latents(latents.reshape(-1, latents.shape[-1]), labels.reshape(-1).astype(np.int32))
    return flat.reshape(*labels.shape, *flat.shape[1:])
