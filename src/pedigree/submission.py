"""The command `pedigree submission`: a zip of PNG pictures, in the format of Kaggle's Generative Dog Images.

Kaggle scored 10,000 pictures of 64 × 64 px, RGB, in one zip without folders.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.common.files import check_replaceable, replacing_file
from pedigree.common.grids import png_bytes
from pedigree.common.paths import CENSUS
from pedigree.common.plurals import plural
from pedigree.common.progress import progress_bar
from pedigree.common.zip_entries import add_member
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.model import Generator, Latents, load_generator

SIDE = 64  # pixels
SPARES = 1000  # latents for pictures that are drawn again
_BATCH = 64

Labels = npt.NDArray[np.int32]


def submit(model: Path, out: Path, count: int, seed: int, census: Path = CENSUS) -> str:
    """Write `count` different pictures into the zip `out`; return a summary. Equal arguments give equal bytes.

    Args:
        model: the file of the generator.
        out: the zip to write.
        count: the number of pictures. Memory does not grow with it, but for the latents and a hash per picture.
        seed: the seed of the latents.
        census: if it has the generator's breeds, its numbers of usable photos give the number of pictures per breed.

    Raises:
        UsageError: `out` is not the name of a zip.
        PedigreeError: there is no such model, the census is damaged, or the generator draws too many equal pictures.
    """
    if out.suffix.lower() != ".zip":
        raise UsageError(f"--out must name a .zip file. Received: {out}")
    check_replaceable(out)
    generator = load_generator(model)
    shares, source = _shares(generator.breeds, census)
    labels = _labels(shares, count)
    with replacing_file(out) as temporary:
        redrawn = _write(generator, labels, seed, temporary)
        _check(temporary, count)
    again = f"; {plural(redrawn, 'picture')} drawn again, because another was equal" if redrawn else ""
    return f"{out}: {plural(count, 'picture')} of {SIDE} × {SIDE} px, {_resized(generator.image_size)}, {source}{again}"


def _shares(breeds: tuple[str, ...], census: Path) -> tuple[npt.NDArray[np.float64], str]:
    """Return the share of each breed `(breeds,)`, and where the shares come from."""
    if not census.is_file():
        return np.full(len(breeds), 1 / len(breeds)), f"equal shares of the breeds, because {census} is not here"
    from pedigree.photos.census import read_census

    photos = read_census(census, ("photo", "breed", "usable"))
    usable = photos.loc[photos["usable"], "breed"].value_counts()
    if set(usable.index) != set(breeds):
        return np.full(len(breeds), 1 / len(breeds)), f"equal shares of the breeds, because {census} has other breeds"
    counts = usable.reindex(list(breeds)).to_numpy(np.float64)
    return counts / counts.sum(), f"breeds in the proportions of {census}"


def _labels(shares: npt.NDArray[np.float64], count: int) -> Labels:
    """Return the breed of each picture `(count,)`, sorted: whole numbers nearest to the shares (largest remainders)."""
    exact = shares * count
    numbers = np.floor(exact).astype(np.intp)
    rest = np.argsort(numbers - exact, kind="stable")[: count - numbers.sum()]
    numbers[rest] += 1
    return np.repeat(np.arange(len(shares), dtype=np.int32), numbers)


def _write(generator: Generator, labels: Labels, seed: int, path: Path) -> int:
    """Draw the pictures into the zip at `path`; return how many were drawn again."""
    latents = generator.latents(len(labels) + SPARES, seed)
    seen: set[bytes] = set()
    spare = len(labels)
    with (
        zipfile.ZipFile(path, "w") as archive,
        progress_bar(label="submission", total=len(labels), unit="picture") as bar,
    ):
        for start in range(0, len(labels), _BATCH):
            batch = slice(start, min(start + _BATCH, len(labels)))
            for index, picture in enumerate(_pictures(generator, latents[batch], labels[batch]), start):
                while (digest := hashlib.sha256(picture.tobytes()).digest()) in seen:
                    if spare == len(latents):
                        raise PedigreeError(
                            f"{plural(SPARES, 'picture')} of the generator were equal to others, and a submission "
                            f"needs {len(labels)} different ones: lower --count, or use another model."
                        )
                    (picture,) = _pictures(generator, latents[spare : spare + 1], labels[index : index + 1])
                    spare += 1
                seen.add(digest)
                add_member(archive, f"{index:05d}.png", png_bytes(picture))
            bar.update(batch.stop - batch.start)
    return spare - len(labels)


def _pictures(generator: Generator, latents: Latents, labels: Labels) -> Iterator[Image.Image]:
    """Draw pictures and resize them to `SIDE`, without aliasing."""
    filter_ = Image.Resampling.LANCZOS if generator.image_size > SIDE else Image.Resampling.BICUBIC
    for pixels in generator.draw_latents(latents, labels, _BATCH):
        picture = Image.fromarray(pixels)
        yield picture if generator.image_size == SIDE else picture.resize((SIDE, SIDE), filter_)


def _check(path: Path, count: int) -> None:
    """Read the written zip again, and check what Kaggle expects.

    Raises:
        PedigreeError: the number of pictures, their size or mode is another, or two are equal.
    """
    seen = set()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with Image.open(io.BytesIO(archive.read(name)), formats=("PNG",)) as picture:
                if (picture.size, picture.mode) != ((SIDE, SIDE), "RGB"):
                    raise PedigreeError(f"{name} in the zip has {picture.size} and {picture.mode}: report this.")
                seen.add(hashlib.sha256(picture.tobytes()).digest())
    if len(seen) != count:
        raise PedigreeError(f"the zip has {len(seen)} different pictures in place of {count}: report this.")


def _resized(size: int) -> str:
    """Return how pictures of `size` px were brought to `SIDE`, as text."""
    if size == SIDE:
        return "not resized"
    return f"resized from {size} px with {'Lanczos' if size > SIDE else 'bicubic'} interpolation"
