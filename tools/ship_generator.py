"""Ships a trained generator with Pedigree: writes `src/pedigree/shipped/NAME.keras`, and the facts in its card.

    python -m tools.ship_generator models/generator.keras stanford-dogs

The weights are stored in float16 and compressed without loss. Keras reads the file as any other, and computes in
float32. The card `NAME.md` must be there; only the facts between its two markers are replaced.
"""

import argparse
import io
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pedigree.common.files import replacing_file, write_text
from pedigree.common.paths import METRICS, PARAMS, TRAINING_FACTS
from pedigree.errors import PedigreeError
from pedigree.generator.model import Generator, load_generator
from tools import generator_card

FOLDER = Path(__file__).parents[1] / "src/pedigree/shipped"
WEIGHTS = "model.weights.h5"  # Keras's member of the file
LARGEST = 4_000_000  # bytes
PICTURES = 480  # drawn for the comparison, of all breeds in turn
LEVELS = 1  # of 255: the largest difference of a number in a picture
_SMALL = 512  # numbers: below this, HDF5's index of a compressed array is larger than what compression saves


def main(argv: Sequence[str] | None = None) -> int:
    """Ship the generator that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path, metavar="GENERATOR", help="the file that `pedigree train` wrote")
    parser.add_argument("name", metavar="NAME", help="the name for --model")
    for option, default in (("metrics", METRICS), ("training", TRAINING_FACTS), ("params", PARAMS)):
        parser.add_argument(f"--{option}", type=Path, default=default, metavar="FILE", help=f"default {default}")
    arguments = parser.parse_args(argv)
    try:
        print(ship(**vars(arguments)))
    except PedigreeError as error:
        print(f"ship_generator: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def ship(generator: Path, name: str, metrics: Path, training: Path, params: Path, folder: Path = FOLDER) -> str:
    """Write the generator and the facts in its card; return a summary. If a check fails, neither is changed.

    Args:
        generator: the file of the trained generator.
        name: the name of the written file, without suffix.
        metrics: its `metrics.json`.
        training: its `training.json`.
        params: the parameters that it was trained with.
        folder: where the generators are that come with Pedigree.

    Raises:
        PedigreeError: a file is missing or damaged, the written file is too large, or its pictures differ from the
            original's by more than `LEVELS`.
    """
    shipped, card = folder / f"{name}.keras", folder / f"{name}.md"
    original = load_generator(generator)
    with replacing_file(shipped) as written:
        write_half(generator, written)
        size = written.stat().st_size
        if size >= LARGEST:
            raise PedigreeError(f"{generator} takes {size:,} bytes in float16, and the limit is {LARGEST:,}.")
        facts = generator_card.facts(original, size, metrics, training, params)
        text = generator_card.with_facts(card, facts)
        difference = largest_difference(original, load_generator(written))
        if difference > LEVELS:
            raise PedigreeError(
                f"in float16, pictures of {generator} change by up to {difference} of 255 levels, and the limit is "
                f"{LEVELS}: ship another generator."
            )
    write_text(card, text)
    return f"{shipped}: {size:,} bytes, pictures differ by at most {difference} of 255 levels"


def write_half(generator: Path, out: Path) -> None:
    """Write a copy of a generator's file with its float32 weights in float16. Equal files give equal bytes."""
    with zipfile.ZipFile(generator) as source, zipfile.ZipFile(out, "w") as target:
        for member in source.infolist():
            content = source.read(member)
            copy = zipfile.ZipInfo(member.filename, member.date_time)
            copy.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(copy, _half(content) if member.filename == WEIGHTS else content, compresslevel=9)


def largest_difference(one: Generator, other: Generator) -> int:
    """Return the largest difference between equal pictures of two generators, in levels of 0 to 255."""
    labels = np.arange(PICTURES, dtype=np.int32) % len(one.breeds)
    pictures = (each.draw(labels, seed=0).astype(np.int16) for each in (one, other))
    return int(np.abs(np.subtract(*pictures)).max())


def _half(content: bytes) -> bytes:
    """Return an HDF5 file with float16 in place of float32. Equal arrays, such as features of breeds, share a place."""
    written = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as source, h5py.File(written, "w") as target:
        _copy(source, target, {})
    return written.getvalue()


def _copy(source: Any, target: Any, places: dict[tuple[tuple[int, ...], bytes], Any]) -> None:
    """Copy an HDF5 group. `places` are the arrays written so far, by shape and content."""
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            _copy(item, target.create_group(name), places)
            continue
        values = item[()].astype(np.float16) if item.dtype == np.float32 else item[()]
        key = values.shape, values.tobytes()
        if key not in places:
            large = {"chunks": values.shape, "compression": 9, "shuffle": True} if values.size >= _SMALL else {}
            places[key] = target.create_dataset(name, data=values, **large)
        else:
            target[name] = places[key]  # a second name of the same array


if __name__ == "__main__":
    sys.exit(main())
