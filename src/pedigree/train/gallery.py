"""Pictures of how far a run is: the averaged generator's, for fixed latents and fixed breeds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
MOMENTS = 32  # kept at most: of one more, the one goes whose neighbours are nearest to each other
MILLISECONDS = 250  # a moment in the film


class Gallery:
    """A grid of at most `BREEDS_SHOWN` breeds, evenly spread, a row each, at every moment asked for.

    `progress.png` has a row a moment, the film a frame a moment.
    """

    def __init__(self, generator: Generator, seed: int, log: TensorBoardLog) -> None:
        self.generator, self.seed, self.log = generator, seed, log
        spread = np.linspace(0, len(generator.breeds) - 1, min(len(generator.breeds), BREEDS_SHOWN))
        self.shown = np.unique(spread.round().astype(np.int32))
        self.steps: list[int] = []
        self.moments: list[NDArray[np.uint8]] = []  # (rows, COLUMNS, size, size, 3)

    def look(self, step: int) -> None:
        """Draw the moment after `step` steps, unless that is done."""
        if self.steps[-1:] == [step]:
            return
        self.steps.append(step)
        self.moments.append(self._drawn())
        if len(self.steps) > MOMENTS:
            spare = 1 + int(np.argmin(np.subtract(self.steps[2:], self.steps[:-2])))
            del self.steps[spare], self.moments[spare]
        self.log.image("samples", self._by_breed(self.moments[-1]), step)

    def save(self, folder: Path, film: Path) -> None:
        """Write `final.png`, of the generator as it is now, and `progress.png` to `folder`, and the GIF `film`."""
        save_png(self._by_breed(self._drawn()), folder / FINAL_SAMPLES.name)
        rows = np.stack([images[:, 0] for images in self.moments])
        save_png(grid(rows, labels=[f"step {step}" for step in self.steps], scale=self._scale), folder / "progress.png")
        save_gif([self._by_breed(images) for images in self.moments], film, MILLISECONDS)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint keeps."""
        return {"steps": np.array(self.steps, np.int64), "moments": np.array(self.moments, np.uint8)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` returned."""
        self.steps, self.moments = state["steps"].tolist(), list(state["moments"])

    @property
    def _scale(self) -> int:
        return max(1, 64 // self.generator.image_size)

    def _drawn(self) -> NDArray[np.uint8]:
        images = self.generator.draw(np.repeat(self.shown, COLUMNS), self.seed)
        return images.reshape(len(self.shown), COLUMNS, *images.shape[1:])

    def _by_breed(self, images: NDArray[np.uint8]) -> Image.Image:
        names = [display_name(self.generator.breeds[index]) for index in self.shown]
        return grid(images, labels=names, scale=self._scale)
