"""The generator as it is kept: a Keras file of built-in layers, with the names of its breeds inside.

`keras.saving.load_model` reads the file with or without this package. Its member `pedigree.json` holds what a
network does not: which breed each index means.
"""

import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pedigree.common import quiet
from pedigree.common.files import replacing_file
from pedigree.errors import PedigreeError

if TYPE_CHECKING:
    import keras

FACTS = "pedigree.json"
PRIORS = ("normal", "uniform")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first moment: the same network gives the same bytes

Latents = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Generator:
    """A trained network and what its inputs and outputs mean.

    `latent` is the prior that it was trained with: standard normal, or uniform in [-1, 1].
    """

    network: "keras.Model"
    breeds: tuple[str, ...]
    latent: str = "normal"

    @property
    def latent_size(self) -> int:
        """How many numbers a latent has."""
        return int(self.network.inputs[0].shape[-1])

    @property
    def image_size(self) -> int:
        """Pixels a side."""
        return int(self.network.outputs[0].shape[1])

    def latents(self, count: int, seed: int, truncation: float | None = None) -> Latents:
        """Draw `count` latents `(count, latent_size)` from the prior, each a function of `seed` and its place alone.

        With `truncation` above 0, none lies beyond ±`truncation` (Brock et al., "Large Scale GAN Training for High
        Fidelity Natural Image Synthesis", 2019, section 3.1): less variety for more likely pictures. Of a normal
        latent, the numbers within stay as they are.

        Raises:
            ValueError: where `truncation` is not above 0.
        """
        if truncation is not None and not truncation > 0:
            raise ValueError(f"expected a truncation above 0. Received: {truncation}")
        chance = np.random.Generator(np.random.Philox(key=seed))
        if self.latent == "uniform":
            drawn = chance.random((count, self.latent_size), np.float32) * 2 - 1
            return drawn * np.float32(min(1.0, truncation or 1.0))
        drawn = chance.standard_normal((count, self.latent_size), np.float32)
        return drawn if truncation is None else _truncated(drawn, seed, truncation)

    def draw(
        self, labels: npt.NDArray[np.int32], seed: int, batch_size: int = 64, truncation: float | None = None
    ) -> npt.NDArray[np.uint8]:
        """Draw a picture for each breed index of `labels` `(n,)`: `(n, size, size, 3)` uint8 RGB.

        The latents are a function of `seed` and the place in `labels` alone, truncated as in `latents`.
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
        """Draw what `draw` draws, `batch_size` pictures at a time, each batch when it is asked for."""
        yield from self._batches(self.latents(len(labels), seed, truncation), labels, batch_size)

    def _batches(
        self, latents: Latents, labels: npt.NDArray[np.int32], batch_size: int
    ) -> Iterator[npt.NDArray[np.uint8]]:
        for start in range(0, len(labels), batch_size):
            batch = slice(start, start + batch_size)
            drawn = np.asarray(self.network([latents[batch], labels[batch]], training=False))
            yield np.clip(np.rint((drawn + 1) * 127.5), 0, 255).astype(np.uint8)


def save_generator(network: "keras.Model", breeds: tuple[str, ...], path: Path, latent: str = "normal") -> None:
    """Write `network`, the names of its `breeds` and its `latent` prior to the Keras file `path`.

    Equal networks give equal bytes.
    """
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "generator.keras"
        network.save(plain)
        with replacing_file(path) as beside, zipfile.ZipFile(plain) as source, zipfile.ZipFile(beside, "w") as target:
            for name in sorted(source.namelist()):
                _put(target, name, _stable(name, source.read(name)))
            _put(target, FACTS, json.dumps({"breeds": breeds, "latent": latent}, indent=1).encode())


def load_generator(path: Path) -> Generator:
    """Read what `save_generator` wrote.

    Raises:
        PedigreeError: where there is no such file or it is no generator of Pedigree's.
    """
    breeds, latent = _facts(path)
    quiet.import_keras()
    import keras

    try:
        network: Any = keras.saving.load_model(path, compile=False)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise _not_ours(path, error) from None
    return Generator(network, breeds, latent)


def breeds_of(path: Path) -> tuple[str, ...]:
    """Read the breeds of a generator's file, in the order of their indices; raises as `load_generator` does."""
    return _facts(path)[0]


def _facts(path: Path) -> tuple[tuple[str, ...], str]:
    """Read the breeds and the latent prior, which files made before there was a choice do not name."""
    if not path.is_file():
        raise PedigreeError(f"{path} is not here: make it with `dvc repro`, or name another with --model.")
    try:
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read(FACTS))
        breeds, latent = tuple(facts["breeds"]), facts.get("latent", "normal")
        if latent not in PRIORS:
            raise ValueError(f"its latent prior is {latent!r}, expected one of {', '.join(PRIORS)}")
    except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise _not_ours(path, error) from None
    return breeds, latent


def _not_ours(path: Path, error: Exception) -> PedigreeError:
    reason = " ".join(str(error).split())[:200]
    return PedigreeError(f"{path} is not a generator that Pedigree saved ({reason}): train again.")


def _truncated(latents: Latents, seed: int, threshold: float) -> Latents:
    """Draw anew, from the normal distribution cut at ±`threshold`, what lies beyond.

    By rejection from the uniform distribution, so that small thresholds take no longer; each round is drawn for every
    place, so that a number depends on `seed` and its place alone.
    """
    turn = 0
    while (beyond := np.abs(latents) > threshold).any():
        turn += 1
        chances = np.random.Generator(np.random.Philox(key=seed).jumped(turn))
        place, chance = np.moveaxis(chances.random((*latents.shape, 2), np.float32), -1, 0)
        proposed = (2 * place - 1) * np.float32(threshold)
        latents = np.where(beyond & (chance < np.exp(-np.square(proposed) / 2)), proposed, latents)
    return latents


def _stable(name: str, content: bytes) -> bytes:
    """Take out of Keras's JSON what changes from one saving to the next: the date, and addresses used as ids."""
    if name == "metadata.json":
        facts = json.loads(content)
        facts.pop("date_saved", None)
        return json.dumps(facts).encode()
    if name == "config.json":
        ids: dict[bytes, int] = {}
        return re.sub(
            rb'(?<="shared_object_id": )\d+', lambda found: b"%d" % ids.setdefault(found[0], len(ids)), content
        )
    return content


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
