"""The `generate` command: a grid of new dogs for breeds by name."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pedigree.breeds import display_name, find_breed
from pedigree.errors import UsageError
from pedigree.generator import breeds_of, load
from pedigree.grids import grid, save_png


def generate(model: Path, asked: Sequence[str], count: int, seed: int, out: Path) -> str:
    """Draw `count` pictures of each breed of `asked` (names, or "all") into the PNG `out`; return what was drawn.

    Column c of a breed's row has the same latent in every row, whatever else is asked for.

    Raises:
        UsageError: for a breed the model does not know, or a name for `out` that is no PNG's.
        PedigreeError: where there is no model.
    """
    if out.suffix.lower() != ".png":
        raise UsageError(f"--out must name a .png file. Received: {out}")
    folders = breeds_of(model)
    chosen = _chosen(asked, folders)
    generator = load(model)
    rows = [generator.draw(np.full(count, folders.index(folder), np.int32), seed) for folder in chosen]
    save_png(
        grid(np.stack(rows), [display_name(folder) for folder in chosen], scale=max(1, 128 // generator.image_size)),
        out,
    )
    return f"{count} of each of {', '.join(map(display_name, chosen))}: {out}"


def _chosen(asked: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Return the folders asked for, each once, in the order asked."""
    if "all" in (name.lower() for name in asked):
        return list(folders)
    return list(dict.fromkeys(find_breed(name, folders) for name in asked))
