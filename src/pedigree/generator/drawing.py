"""The commands that draw with a trained generator: `generate` draws new dogs, `walk` draws steps between dogs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pedigree.common import films
from pedigree.common.breeds import display_name, find_breed
from pedigree.common.files import check_replaceable
from pedigree.common.grids import grid, save_png
from pedigree.common.plurals import plural
from pedigree.errors import UsageError
from pedigree.generator.model import Generator, breeds_of, load_generator
from pedigree.generator.walks import Walk

SIDES = {".png": 128, ".gif": 64, ".mp4": 128}  # pixels: the side to which pictures are enlarged, approximately
STEPS = {".png": 9, ".gif": 48, ".mp4": 96}  # columns of a PNG, frames of a film
MILLISECONDS = 80  # per frame of a GIF
FPS = 25  # frames per second of an MP4: it lasts as long as a GIF with half as many frames
MOST_NAMES = 10  # breeds that the summary names; of more it gives the number
WALKS = 8  # rows of a PNG, pictures side by side in a film


@dataclass(frozen=True, eq=False)
class Drawn:
    """The pictures of a sheet.

    Attributes:
        images: `(breeds, count, size, size, 3)` uint8 RGB.
        note: how they were chosen, for the people who look at them; empty if they were not.
    """

    images: npt.NDArray[np.uint8]
    note: str = ""


class Draw(Protocol):
    """A way to draw `count` pictures of each of the breeds `folders`."""

    def __call__(
        self, generator: Generator, folders: Sequence[str], count: int, seed: int, truncation: float | None
    ) -> Drawn:
        """Draw the pictures. `truncation` is as in `Generator.latents`."""


def draw_first(generator: Generator, folders: Sequence[str], count: int, seed: int, truncation: float | None) -> Drawn:
    """Draw the pictures of the first `count` latents of the seed.

    All pictures in a column have the same latent. It depends on the seed and the column, not on the breeds drawn.
    """
    rows = [
        generator.draw(np.full(count, generator.breeds.index(folder), np.int32), seed, truncation=truncation)
        for folder in folders
    ]
    return Drawn(np.stack(rows))


def generate(
    model: Path,
    names: Sequence[str],
    count: int,
    seed: int,
    out: Path,
    truncation: float | None = None,
    draw: Draw = draw_first,
) -> str:
    """Draw `count` pictures of each of some breeds into the PNG `out`, one row per breed; return a summary.

    If the pictures were chosen, the sheet, the description in the PNG and the summary say how.

    Args:
        model: the file of the generator.
        names: names of breeds; "all" means all breeds of the generator.
        count: pictures per breed.
        seed: the seed of the latents.
        out: the PNG to write.
        truncation: as in `Generator.latents`.
        draw: draws the pictures.

    Raises:
        UsageError: if the generator does not know a breed, or if `out` is not the name of a PNG.
        PedigreeError: if there is no such model. `draw` may raise more.
    """
    _kind(out, ".png")
    folders = _chosen(names, breeds_of(model))
    generator = load_generator(model)
    drawn = draw(generator, folders, count, seed, truncation)
    titles, scale = [display_name(folder) for folder in folders], max(1, SIDES[".png"] // generator.image_size)
    save_png(grid(drawn.images, titles, scale, title=drawn.note or None), out, drawn.note)
    chosen = f" ({drawn.note})" if drawn.note else ""
    each = " each" if len(titles) > 1 else ""
    breeds = ", ".join(titles) if len(titles) <= MOST_NAMES else plural(len(titles), "breed")
    return f"{plural(count, 'picture')}{each} of {breeds}{chosen}: {out}"


def walk(
    model: Path,
    breed: str,
    to: str | None,
    out: Path,
    seed: int,
    count: int | None = None,
    steps: int | None = None,
    truncation: float | None = None,
) -> str:
    """Draw a walk within `breed`, or from it to the breed `to`, into `out`; return a summary.

    A PNG has `count` rows and `steps` columns. Without `to`, each row changes one dimension of the latent; the
    dimensions that change the picture most are chosen. With `to`, each row has its own latent. A GIF or MP4 has `count`
    pictures side by side and `steps` frames, and its end leads back to its start.

    Raises:
        UsageError: if the generator does not know a breed, both breeds are the same, there are more rows than the
            latent has dimensions, or `out` has another suffix.
        PedigreeError: if there is no such model, or if an MP4 needs PyAV and it is not installed.
    """
    kind = _kind(out, ".png", ".gif", ".mp4")
    one, other = _ends(breed, to, breeds_of(model))
    if kind == ".mp4":
        films.require_pyav(out)
    generator = load_generator(model)
    rows = count or (min(WALKS, generator.latent_size) if kind == ".png" and to is None else WALKS)
    if kind == ".png" and to is None and rows > generator.latent_size:
        raise UsageError(f"--count must be at most {generator.latent_size}, the size of the latent. Received: {rows}")
    drawn = Walk(generator, one, other, seed, rows, steps or STEPS[kind], truncation, SIDES[kind])
    if kind == ".png":
        save_png(drawn.sheet(), out)
    elif kind == ".gif":
        films.save_gif(drawn.film(), out, MILLISECONDS)
    else:
        films.save_mp4(drawn.film(), out, FPS)
    return f"{drawn.title}: {out}"


def _kind(out: Path, *kinds: str) -> str:
    """Return the suffix of `out`; raise UsageError unless it is one of `kinds`, before anything is drawn."""
    kind = out.suffix.lower()
    if kind not in kinds:
        raise UsageError(f"--out must name a {' or '.join(kinds)} file. Received: {out}")
    check_replaceable(out)
    return kind


def _ends(breed: str, to: str | None, folders: Sequence[str]) -> tuple[int, int | None]:
    """Return the indices of the first and the last breed of a walk; None if there is no last one."""
    if "all" in (breed.lower(), (to or "").lower()):
        raise UsageError("a walk is within one breed, or between two: `all` is for `pedigree generate` only")
    one = folders.index(find_breed(breed, folders))
    if to is None:
        return one, None
    other = folders.index(find_breed(to, folders))
    if one == other:
        raise UsageError(f"--breed and --to must be two breeds. Received: {display_name(folders[one])} twice")
    return one, other


def _chosen(names: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Return the folders of the named breeds, each once, in the order of `names`."""
    if "all" in (name.lower() for name in names):
        return list(folders)
    return list(dict.fromkeys(find_breed(name, folders) for name in names))
