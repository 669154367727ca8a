"""Sample images during training, always of the same inputs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pedigree.common.breeds import display_name
from pedigree.common.films import save_gif
from pedigree.common.grids import grid, save_png
from pedigree.common.paths import FINAL_SAMPLES
from pedigree.generator.model import Generator
from pedigree.train.tensorboard_log import TensorBoardLog

BREEDS_SHOWN = 16
COLUMNS = 8
MAX_GRIDS = 32  # with one more, the grid is removed whose neighbours are nearest to each other
FRAME_MILLISECONDS = 250


class Sampler(Protocol):
    """Draws the same samples again and again, as a network learns."""

    @property
    def labels(self) -> Sequence[str]:
        """The label of each row."""

    def draw(self) -> NDArray[np.uint8]:
        """Draw the samples: `(rows, columns, size, size, 3)` RGB."""


class BreedSampler:
    """Draws dogs of at most `BREEDS_SHOWN` breeds, one row per breed.

    Args:
        generator: the generator to draw with.
        seed: the seed of the latents.
    """

    def __init__(self, generator: Generator, seed: int) -> None:
        self.generator, self.seed = generator, seed
        spread = np.linspace(0, len(generator.breeds) - 1, min(len(generator.breeds), BREEDS_SHOWN))
        self.shown = np.unique(spread.round().astype(np.int32))
        self.labels = [display_name(generator.breeds[index]) for index in self.shown]

    def draw(self) -> NDArray[np.uint8]:
        """Draw `COLUMNS` dogs of each breed, always of the same latents."""
        images = self.generator.draw(np.repeat(self.shown, COLUMNS), self.seed)
        return images.reshape(len(self.shown), COLUMNS, *images.shape[1:])


class Gallery:
    """Grids of samples drawn at several steps.

    `progress.png` has one row per step, with the first sample of each row, and the film has one frame per step.

    Args:
        sampler: draws the samples.
        log: the TensorBoard log.
    """

    def __init__(self, sampler: Sampler, log: TensorBoardLog) -> None:
        self.sampler, self.log = sampler, log
        self.steps: list[int] = []
        self.grids: list[NDArray[np.uint8]] = []  # (rows, columns, size, size, 3)

    def draw(self, step: int) -> None:
        """Draw the grid after `step` steps, unless it is already drawn."""
        if self.steps[-1:] == [step]:
            return
        self.steps.append(step)
        self.grids.append(self.sampler.draw())
        if len(self.steps) > MAX_GRIDS:
            spare = 1 + int(np.argmin(np.subtract(self.steps[2:], self.steps[:-2])))
            del self.steps[spare], self.grids[spare]
        self.log.image("samples", self._grid(self.grids[-1]), step)

    def save(self, folder: Path, film: Path) -> None:
        """Write `final.png` (from the network as it is now) and `progress.png` to `folder`, and the GIF `film`."""
        save_png(self._grid(self.sampler.draw()), folder / FINAL_SAMPLES.name)
        rows = np.stack([images[:, 0] for images in self.grids])
        save_png(
            grid(rows, labels=[f"step {step}" for step in self.steps], scale=_scale(rows)), folder / "progress.png"
        )
        save_gif([self._grid(images) for images in self.grids], film, FRAME_MILLISECONDS)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the state for a checkpoint."""
        return {"steps": np.array(self.steps, np.int64), "moments": np.array(self.grids, np.uint8)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore a state that `state` returned."""
        self.steps, self.grids = state["steps"].tolist(), list(state["moments"])

    def _grid(self, images: NDArray[np.uint8]) -> Image.Image:
        return grid(images, labels=self.sampler.labels, scale=_scale(images))


def _scale(images: NDArray[np.uint8]) -> int:
    return max(1, 64 // int(images.shape[-2]))
