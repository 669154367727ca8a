"""The commands that draw with a trained generator: `generate`, a grid of new dogs, and `walk`, ways between them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pedigree.common import films
from pedigree.common.breeds import display_name, find_breed
from pedigree.common.grids import grid, save_png
from pedigree.errors import UsageError
from pedigree.generator.model import breeds_of, load_generator
from pedigree.generator.walks import Walk

SIDES = {".png": 128, ".gif": 64, ".mp4": 128}  # pixels, about, to which a picture is enlarged
STEPS = {".png": 9, ".gif": 48, ".mp4": 96}  # columns of a walk, or its frames
MILLISECONDS = 80  # that a frame of a GIF lasts
FPS = 25  # of an MP4, which so lasts as long as a GIF of half its frames
WALKS = 8  # rows of a walk's PNG, or pictures side by side in its film


def generate(
    model: Path, asked: Sequence[str], count: int, seed: int, out: Path, truncation: float | None = None
) -> str:
    """Draw `count` pictures of each breed of `asked` (names, or "all") into the PNG `out`; return what was drawn.

    Column c of a breed's row has the same latent in every row, whatever else is asked for; `truncation` as in
    `Generator.latents`.

    Raises:
        UsageError: for a breed the model does not know, or a name for `out` that is no PNG's.
        PedigreeError: where there is no model.
    """
    _kind(out, ".png")
    folders = breeds_of(model)
    chosen = _chosen(asked, folders)
    generator = load_generator(model)
    rows = [
        generator.draw(np.full(count, folders.index(folder), np.int32), seed, truncation=truncation)
        for folder in chosen
    ]
    names = [display_name(folder) for folder in chosen]
    save_png(grid(np.stack(rows), names, max(1, SIDES[".png"] // generator.image_size)), out)
    return f"{count} of each of {', '.join(names)}: {out}"


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
    """Draw a walk within `breed`, or from it to the breed `to`, into `out`; return what was drawn.

    A PNG has `count` rows and `steps` columns: without `to` a row for each of the dimensions of the latent that change
    the picture most, else a row a latent. A GIF or MP4 has `count` pictures side by side and `steps` frames, and leads
    back to where it starts.

    Raises:
        UsageError: for a breed the model does not know, the same breed twice, more rows than the latent has
            dimensions, or another kind of `out`.
        PedigreeError: where there is no model, or PyAV is missing for an MP4.
    """
    kind = _kind(out, ".png", ".gif", ".mp4")
    one, other = _ends(breed, to, breeds_of(model))
    if kind == ".mp4":
        films.require_pyav(out)
    generator = load_generator(model)
    rows = count or (min(WALKS, generator.latent_size) if kind == ".png" and to is None else WALKS)
    if kind == ".png" and to is None and rows > generator.latent_size:
        raise UsageError(f"--count must be at most {generator.latent_size}, the latent's dimensions. Received: {rows}")
    way = Walk(generator, one, other, seed, rows, steps or STEPS[kind], truncation, SIDES[kind])
    if kind == ".png":
        save_png(way.sheet(), out)
    elif kind == ".gif":
        films.save_gif(way.film(), out, MILLISECONDS)
    else:
        films.save_mp4(way.film(), out, FPS)
    return f"{way.title}: {out}"


def _kind(out: Path, *kinds: str) -> str:
    """Return the suffix of `out`, which must be one of `kinds`."""
    kind = out.suffix.lower()
    if kind not in kinds:
        raise UsageError(f"--out must name a {' or '.join(kinds)} file. Received: {out}")
    return kind


def _ends(breed: str, to: str | None, folders: Sequence[str]) -> tuple[int, int | None]:
    """Return the indices of the breeds where a walk begins and ends."""
    one = folders.index(find_breed(breed, folders))
    if to is None:
        return one, None
    other = folders.index(find_breed(to, folders))
    if one == other:
        raise UsageError(f"--breed and --to must be two breeds. Received: {display_name(folders[one])} twice")
    return one, other


def _chosen(asked: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Return the folders asked for, each once, in the order asked."""
    if "all" in (name.lower() for name in asked):
        return list(folders)
    return list(dict.fromkeys(find_breed(name, folders) for name in asked))
