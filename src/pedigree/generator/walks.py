"""Walks: pictures along one dimension of the latent, from latent to latent, or from breed to breed.

The functions return pictures `(rows, columns, size, size, 3)` uint8 RGB. `Walk` arranges them in sheets and films.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.common.breeds import display_name
from pedigree.common.grids import grid, wrapped
from pedigree.generator.mixing import Mixer
from pedigree.generator.model import Generator, Latents

REACH = {"normal": 2.0, "uniform": 1.0}  # how far from 0 a dimension is changed, for each prior of the latent
CORNERS = 4  # latents on a loop
ACROSS = 4  # most pictures in a row of a film

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Walk:
    """A walk within one breed or from one breed to another, and its layout.

    Attributes:
        generator: draws the pictures.
        breed: index of the breed, or of the first of two breeds.
        to: index of the second breed; None to stay within `breed`.
        seed: the seed of the latents at the start, which are those of `Generator.draw`.
        count: rows of a sheet, or pictures side by side in a film. The 63 pictures of a default sheet fit in one batch.
        steps: columns of a sheet, or frames of a film.
        truncation: as in `Generator.latents`.
        side: the side in pixels to which smaller pictures are enlarged, approximately.
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
        """The breed or the two breeds, in words."""
        ends = [self.breed] if self.to is None else [self.breed, self.to]
        return " to ".join(display_name(self.generator.breeds[end]) for end in ends)

    def request(self) -> dict[str, Any]:
        """Return what is drawn, for the provenance of a sheet."""
        breed, to = (None if end is None else self.generator.breeds[end] for end in (self.breed, self.to))
        numbers = {name: getattr(self, name) for name in ("seed", "count", "steps", "truncation")}
        return {"walk": {"breed": breed, "to": to, **numbers}}

    def sheet(self, chosen: Sequence[int] | None = None) -> Image.Image:
        """Draw the walk as a sheet, from left to right.

        Between breeds, each row is one latent, and the headings are the shares of the second breed. Within a breed,
        each row changes one dimension of the first latent, and the headings are its values: from -2 to 2, or from -1
        to 1 for a uniform latent, but never outside ±`truncation`.

        Args:
            chosen: the dimensions to change; None chooses those that change the picture most.
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
        """Draw the walk as the frames of a film that loops.

        Within a breed, each picture moves through four latents and back to the first. Between breeds, each picture
        keeps its latent, and moves to the second breed and back.
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
        """Draw one frame from its pictures `(count, size, size, 3)`. White fills the rest of the last row."""
        return self._laid_out(wrapped(images, min(len(images), ACROSS)), None, None, title)

    def _laid_out(
        self, images: Images, rows: Sequence[str] | None, columns: Sequence[str] | None, title: str | None = None
    ) -> Image.Image:
        return grid(images, rows, max(1, self.side // self.generator.image_size), columns, title or self.title)


def dimensions(generator: Generator, breed: int, latent: Latents, count: int, reach: float) -> list[int]:
    """Return the `count` dimensions of `latent` `(latent_size,)` that change the picture most, in falling order.

    The change is the sum of absolute differences between the pictures with the dimension at -`reach` and at `reach`. Of
    equal dimensions, the earlier comes first.
    """
    ends = np.array([-reach, reach], np.float32)
    pictures = along(generator, breed, latent, range(generator.latent_size), ends).astype(np.int32)
    change = np.abs(pictures[:, 1] - pictures[:, 0]).sum((1, 2, 3))
    return [int(dimension) for dimension in np.argsort(-change, kind="stable")[:count]]


def along(generator: Generator, breed: int, latent: Latents, chosen: Sequence[int], values: Floats) -> Images:
    """Draw `latent` `(latent_size,)` with one dimension changed: a row for each of `chosen`, a column for each value.

    `values` is `(steps,)`.
    """
    latents = np.tile(latent, (len(chosen), len(values), 1))
    for row, dimension in enumerate(chosen):
        latents[row, :, dimension] = values
    return _draw(generator, latents, np.full(latents.shape[:2], breed))


def between(generator: Generator, one: int, other: int, latents: Latents, shares: Floats) -> Images:
    """Draw each of `latents` `(rows, latent_size)` as mixtures of two breeds.

    `shares` `(steps,)` are the shares of breed `other` in the mixtures: 0 draws `one` itself, 1 draws `other`.

    Raises:
        PedigreeError: if the network has no embedding table.
    """
    across = np.repeat(latents, len(shares), axis=0)
    weights = np.zeros((len(across), len(generator.breeds)), np.float32)
    weights[:, one], weights[:, other] = np.tile(1 - shares, len(latents)), np.tile(shares, len(latents))
    flat = Mixer(generator).draw(across, weights)
    return flat.reshape(len(latents), len(shares), *flat.shape[1:])


def loop(corners: Latents, frames: int, latent: str = "normal") -> Latents:
    """Return latents in `frames` steps from each of `corners` `(corners, ..., latent_size)` to the next.

    The last corner leads back to the first. Normal latents follow arcs, on which they keep a length that is usual in
    training (White, "Sampling Generative Networks", 2016). Uniform latents follow straight lines, which stay inside the
    cube of the prior.

    Returns:
        `(frames, ..., latent_size)`; the first frame would come next after the last.
    """
    interpolate = slerp if latent == "normal" else lerp
    times = np.arange(frames) * len(corners) / frames
    following = np.roll(corners, -1, axis=0)
    return np.stack([interpolate(corners[int(time)], following[int(time)], time % 1) for time in times])


def slerp(start: Floats, end: Floats, time: float) -> Floats:
    """Interpolate along the arc from `start` at time 0 to `end` at 1; vectors lie along the last axis.

    Parallel and opposite vectors define no arc, so they are interpolated along a straight line (Shoemake, "Animating
    Rotation with Quaternion Curves", 1985).
    """
    lengths = np.linalg.norm(start, axis=-1, keepdims=True) * np.linalg.norm(end, axis=-1, keepdims=True)
    cosine = (start * end).sum(-1, keepdims=True) / np.maximum(lengths, 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    sine = np.maximum(np.sin(angle), 1e-12)
    arc = (np.sin((1 - time) * angle) * start + np.sin(time * angle) * end) / sine
    return np.where(sine > 1e-4, arc, lerp(start, end, time)).astype(np.float32)


def lerp(start: Floats, end: Floats, time: float | Floats) -> Floats:
    """Interpolate along the straight line from `start` at time 0 to `end` at 1."""
    return ((1 - time) * start + time * end).astype(np.float32)


def _draw(generator: Generator, latents: Latents, labels: npt.NDArray[np.int64]) -> Images:
    """Draw latents `(rows, columns, latent_size)` of breeds `(rows, columns)`."""
    flat = generator.draw_latents(latents.reshape(-1, latents.shape[-1]), labels.reshape(-1).astype(np.int32))
    return flat.reshape(*labels.shape, *flat.shape[1:])
