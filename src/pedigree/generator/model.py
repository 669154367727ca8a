"""The generator and its file: a Keras model of built-in layers, with the names of its breeds inside.

`keras.saving.load_model` reads the file even without this package. Its member `pedigree.json` holds what the network
does not: the breed of each index, and the prior of the latents.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pedigree.common import json_text
from pedigree.common.guard import is_short_of_memory
from pedigree.errors import PedigreeError
from pedigree.generator import archive, structure
from pedigree.generator.keras_file import load_network, reading, reason, save_network

if TYPE_CHECKING:
    import keras

KIND = "generator"
_CENTRE = 1  # the stream of random numbers that the centre of truncated latents comes from; redraws use the next ones

_NO_TRUNCATION = 1000.0  # cuts nothing off; squares of far larger numbers overflow

Latents = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Generator:
    """A trained network and the meaning of its inputs and outputs.

    Attributes:
        network: maps latents `(n, latent_size)` and breed indices `(n,)` to pictures `(n, size, size, 3)` in [-1, 1].
        breeds: the folder names of the breeds; the index of a breed is its place.
        latent: the prior of the latents: "normal" is standard normal, "uniform" is uniform in [-1, 1].
        compiled: whether the backend compiles the network for each size of a batch. That takes a second, and then a
            picture is drawn about ten times as fast. The pictures are the same.
    """

    network: "keras.Model"
    breeds: tuple[str, ...]
    latent: str = "normal"
    compiled: bool = False

    @property
    def latent_size(self) -> int:
        """The size of a latent."""
        return int(self.network.inputs[0].shape[-1])

    @property
    def image_size(self) -> int:
        """The side of a picture in pixels."""
        return int(self.network.outputs[0].shape[1])

    def latents(
        self, count: int, seed: int, truncation: float | None = None, centre_seed: int | None = None
    ) -> Latents:
        """Draw `count` latents `(count, latent_size)` from the prior. Each depends only on `seed` and its index.

        With `truncation`, no number lies further than that from the same number of a centre, so that the pictures vary
        less. Latents near 0, as of the truncated normal distribution of Brock et al. ("Large Scale GAN Training for
        High Fidelity Natural Image Synthesis", 2019, section 3.1), are shorter than those in training, and their
        pictures are pale. So the variance that truncation takes away becomes the square of the centre, and the mean
        square of the latents stays that of the prior. The centre only depends on `truncation` and `centre_seed`, which
        is `seed` if it is None. Latents of several seeds vary less only around the same centre.

        Raises:
            ValueError: if `truncation` is not above 0.
        """
        drawn = self.prior(count, seed)
        if truncation is None:
            return drawn
        if not truncation > 0:
            raise ValueError(f"expected a truncation above 0. Received: {truncation}")
        truncation = min(truncation, _NO_TRUNCATION)
        if self.latent == "uniform":
            inside, lost = drawn * np.float32(min(1.0, truncation)), (1 - min(1.0, truncation) ** 2) / 3
        else:
            inside, lost = _truncated(drawn, seed, truncation), _lost_variance(truncation)
        centre = self.prior(1, seed if centre_seed is None else centre_seed, stream=_CENTRE)
        return inside + centre * np.float32(np.sqrt(lost / np.square(centre, dtype=np.float64).mean()))

    def prior(self, count: int, seed: int, stream: int = 0) -> Latents:
        """Draw `(count, latent_size)` numbers from the prior. The streams of a seed are independent."""
        random = np.random.Generator(np.random.Philox(key=seed).jumped(stream))
        if self.latent == "uniform":
            return random.random((count, self.latent_size), np.float32) * 2 - 1
        return random.standard_normal((count, self.latent_size), np.float32)

    def draw(
        self, labels: npt.NDArray[np.int32], seed: int, batch_size: int = 64, truncation: float | None = None
    ) -> npt.NDArray[np.uint8]:
        """Draw one picture for each breed index in `labels` `(n,)`: `(n, size, size, 3)` uint8 RGB.

        The latents are those of `latents(n, seed, truncation)`.
        """
        return self.draw_latents(self.latents(len(labels), seed, truncation), labels, batch_size)

    def draw_latents(
        self, latents: Latents, labels: npt.NDArray[np.int32], batch_size: int = 64
    ) -> npt.NDArray[np.uint8]:
        """Draw the pictures of latents `(n, latent_size)` with breed indices `(n,)`: `(n, size, size, 3)` uint8."""
        images = np.empty((len(labels), self.image_size, self.image_size, 3), np.uint8)
        start = 0
        for batch in self._batches(latents, labels, batch_size):
            images[start : start + len(batch)] = batch
            start += len(batch)
        return images

    def batches(
        self, labels: npt.NDArray[np.int32], seed: int, batch_size: int = 64, truncation: float | None = None
    ) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the pictures of `draw` in batches of `batch_size`. Each batch is drawn only when it is needed."""
        yield from self._batches(self.latents(len(labels), seed, truncation), labels, batch_size)

    def _batches(
        self, latents: Latents, labels: npt.NDArray[np.int32], batch_size: int
    ) -> Iterator[npt.NDArray[np.uint8]]:
        for start in range(0, len(labels), batch_size):
            batch = slice(start, start + batch_size)
            yield pixels(self._drawn(latents[batch], labels[batch]))

    def _drawn(self, latents: Latents, labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """Return what the network draws, and check it: it may come from anybody.

        Raises:
            PedigreeError: the network fails, draws another number of pictures, or draws NaN.
        """
        try:
            if self.compiled:
                drawn = np.asarray(self.network.predict_on_batch([latents, labels]))
            else:
                drawn = np.asarray(self.network([latents, labels], training=False))
        except Exception as error:  # Keras and its backends raise exceptions of many types
            if is_short_of_memory(error):
                raise
            raise PedigreeError(f"the generator cannot draw ({reason(error)}): use another model.") from None
        if len(drawn) != len(labels):
            raise PedigreeError(
                f"the generator drew {len(drawn)} pictures instead of {len(labels)}: use another model."
            )
        if np.isnan(drawn).any():
            raise PedigreeError(
                "the generator's pictures have NaN in place of colors: train again, or use another model."
            )
        return drawn


def pixels(drawn: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return pictures whose numbers are in [-1, 1] as uint8."""
    return np.asarray(np.clip(np.rint((drawn + 1) * 127.5), 0, 255), np.uint8)


def save_generator(network: "keras.Model", breeds: tuple[str, ...], path: Path, latent: str = "normal") -> None:
    """Write `network`, the names of its `breeds` and the prior `latent` to the Keras file `path`.

    Equal networks give equal bytes.
    """
    save_network(network, {"breeds": breeds, "latent": latent}, path)


def load_generator(path: Path) -> Generator:
    """Read a file written by `save_generator`, or by anybody: no code in it is run, and its sizes are limited.

    Raises:
        PedigreeError: if there is no such file, or if it is not a generator of Pedigree.
    """
    breeds, latent = _facts(path)
    return Generator(load_network(path, KIND, structure.check_generator), breeds, latent)


def breeds_of(path: Path) -> tuple[str, ...]:
    """Read the breeds of a generator's file, in the order of their indices. Raises the errors of `load_generator`."""
    return _facts(path)[0]


def _facts(path: Path) -> tuple[tuple[str, ...], str]:
    """Read the breeds and the prior of the latents, and check them and the network's parts. This needs no Keras."""
    if not path.is_file():
        raise PedigreeError(f"{path} is not here: make it with `dvc repro`, or name another with --model.")
    with reading(path, KIND):
        content, config = archive.read(path, archive.FACTS, archive.CONFIG)
        facts = archive.parsed(content)
        breeds, latent = archive.breeds(facts), archive.prior(facts)
        network = json_text.parse(config)
        structure.check_kinds(network)
        structure.check_breeds(network, len(breeds))
    return breeds, latent


def _truncated(latents: Latents, seed: int, threshold: float) -> Latents:
    """Redraw the numbers outside ±`threshold` from the normal distribution truncated there.

    It uses rejection sampling with uniform proposals, which is fast even for small thresholds. Each round draws
    proposals for all numbers, so that a number depends only on `seed` and its index.
    """
    stream = _CENTRE
    while (outside := np.abs(latents) > threshold).any():
        stream += 1
        random = np.random.Generator(np.random.Philox(key=seed).jumped(stream))
        place, chance = np.moveaxis(random.random((*latents.shape, 2), np.float32), -1, 0)
        proposed = (2 * place - 1) * np.float32(threshold)
        latents = np.where(outside & (chance < np.exp(-np.square(proposed) / 2)), proposed, latents)
    return latents


def _lost_variance(threshold: float) -> float:
    """Return 1 minus the variance of the standard normal distribution truncated at ±`threshold`: 0..1."""
    density = math.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi)
    return 2 * threshold * density / math.erf(threshold / math.sqrt(2))
