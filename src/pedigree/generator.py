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

from pedigree import quiet
from pedigree.errors import PedigreeError
from pedigree.files import replacing_file

if TYPE_CHECKING:
    import keras

FACTS = "pedigree.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first moment: the same network gives the same bytes


@dataclass(frozen=True)
class Generator:
    """A trained network and what its inputs and outputs mean."""

    network: "keras.Model"
    breeds: tuple[str, ...]

    @property
    def latent_size(self) -> int:
        """How many numbers a latent has."""
        return int(self.network.inputs[0].shape[-1])

    @property
    def image_size(self) -> int:
        """Pixels a side."""
        return int(self.network.outputs[0].shape[1])

    def draw(self, labels: npt.NDArray[np.int32], seed: int, batch_size: int = 64) -> npt.NDArray[np.uint8]:
        """Draw a picture for each breed index of `labels` `(n,)`: `(n, size, size, 3)` uint8 RGB.

        The latents are a function of `seed` and the place in `labels` alone.
        """
        images = np.empty((len(labels), self.image_size, self.image_size, 3), np.uint8)
        start = 0
        for batch in self.batches(labels, seed, batch_size):
            images[start : start + len(batch)] = batch
            start += len(batch)
        return images

    def batches(
        self, labels: npt.NDArray[np.int32], seed: int, batch_size: int = 64
    ) -> Iterator[npt.NDArray[np.uint8]]:
        """Draw what `draw` draws, `batch_size` pictures at a time, each batch when it is asked for."""
        chance = np.random.Generator(np.random.Philox(key=seed))
        latents = chance.standard_normal((len(labels), self.latent_size), np.float32)
        for start in range(0, len(labels), batch_size):
            batch = slice(start, start + batch_size)
            drawn = np.asarray(self.network([latents[batch], labels[batch]], training=False))
            yield np.clip(np.rint((drawn + 1) * 127.5), 0, 255).astype(np.uint8)


def save(network: "keras.Model", breeds: tuple[str, ...], path: Path) -> None:
    """Write `network` and the names of its `breeds` to the Keras file `path`; equal networks give equal bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "generator.keras"
        network.save(plain)
        with replacing_file(path) as beside, zipfile.ZipFile(plain) as source, zipfile.ZipFile(beside, "w") as target:
            for name in sorted(source.namelist()):
                _put(target, name, _stable(name, source.read(name)))
            _put(target, FACTS, json.dumps({"breeds": breeds}, indent=1).encode())


def load(path: Path) -> Generator:
    """Read what `save` wrote.

    Raises:
        PedigreeError: where there is no such file or it is no generator of Pedigree's.
    """
    breeds = breeds_of(path)
    quiet.import_keras()
    import keras

    try:
        network: Any = keras.saving.load_model(path, compile=False)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise _not_ours(path, error) from None
    return Generator(network, breeds)


def breeds_of(path: Path) -> tuple[str, ...]:
    """Read the breeds of a generator's file, in the order of their indices; raises as `load` does."""
    if not path.is_file():
        raise PedigreeError(f"{path} is not here: make it with `dvc repro`, or name another with --model.")
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(json.loads(archive.read(FACTS))["breeds"])
    except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise _not_ours(path, error) from None


def _not_ours(path: Path, error: Exception) -> PedigreeError:
    reason = " ".join(str(error).split())[:200]
    return PedigreeError(f"{path} is not a generator that Pedigree saved ({reason}): train again.")


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
