"""`pedigree walk`: draws steps between dogs."""

from collections.abc import Sequence
from pathlib import Path

from pedigree.common import films
from pedigree.common.breeds import display_name, find_breed
from pedigree.common.grids import save_png
from pedigree.drawing.outputs import SIDES, kind_of
from pedigree.drawing.provenance import Provenance, model_hash, png_fields
from pedigree.errors import UsageError
from pedigree.generator.model import breeds_of, load_generator
from pedigree.generator.walks import Walk

STEPS = {".png": 9, ".gif": 48, ".mp4": 96}  # columns of a PNG, frames of a film
MILLISECONDS = 80  # per frame of a GIF
FPS = 25  # frames per second of an MP4: it lasts as long as a GIF with half as many frames
WALKS = 8  # rows of a PNG, pictures side by side in a film


def walk(
    model: Path,
    breed: str,
    to: str | None,
    out: Path,
    seed: int,
    count: int | None = None,
    steps: int | None = None,
    truncation: float | None = None,
    revision: str = "",
) -> str:
    """Draw a walk within `breed`, or from it to the breed `to`, into `out`; return a summary.

    A PNG has `count` rows and `steps` columns, and says how it was drawn. Without `to`, each row changes one dimension
    of the latent; the dimensions that change the picture most are chosen. With `to`, each row has its own latent. A GIF
    or MP4 has `count` pictures side by side and `steps` frames, and its end leads back to its start.

    Raises:
        UsageError: if the generator does not know a breed, both breeds are the same, there are more rows than the
            latent has dimensions, or `out` has another suffix.
        PedigreeError: if there is no such model, or if an MP4 needs PyAV and it is not installed.
    """
    kind = kind_of(out, ".png", ".gif", ".mp4")
    one, other = _ends(breed, to, breeds_of(model))
    if kind == ".mp4":
        films.require_pyav(out)
    generator = load_generator(model)
    rows = count or (min(WALKS, generator.latent_size) if kind == ".png" and to is None else WALKS)
    if kind == ".png" and to is None and rows > generator.latent_size:
        raise UsageError(f"--count must be at most {generator.latent_size}, the size of the latent. Received: {rows}")
    drawn = Walk(generator, one, other, seed, rows, steps or STEPS[kind], truncation, SIDES[kind])
    if kind == ".png":
        save_png(drawn.sheet(), out, png_fields(Provenance(model_hash(model), revision, drawn.request())))
    elif kind == ".gif":
        films.save_gif(drawn.film(), out, MILLISECONDS)
    else:
        films.save_mp4(drawn.film(), out, FPS)
    return f"{drawn.title}: {out}"


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
