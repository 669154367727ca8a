"""`pedigree generate`: draws new dogs into a sheet or into a folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.common.breeds import display_name, find_breed
from pedigree.common.files import check_replaceable, replacing_entries
from pedigree.common.grids import grid, save_png, square_side, wrapped
from pedigree.common.plurals import plural
from pedigree.drawing.dog_files import Files, file_names
from pedigree.drawing.outputs import SIDES, kind_of
from pedigree.drawing.provenance import Provenance, model_hash, png_fields
from pedigree.drawing.request import Sheet
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.model import Generator, breeds_of, load_generator

MOST_NAMES = 10  # breeds that the summary names; of more it gives the number

Origin = Callable[[Mapping[str, Any]], Provenance]  # of a request, for one generator and revision


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


def generate(model: Path, sheet: Sheet, out: str, revision: str = "", draw: Draw = draw_first) -> str:
    """Draw a sheet into the PNG or the folder `out`; return a summary. Each PNG says how it was drawn.

    A PNG has one row per breed; a single breed fills several rows. A folder gets one PNG per picture, at its true size.
    Files of the same name are replaced, its other files stay. If the pictures were chosen, the sheet, the field
    `Description` of a PNG and the summary say how.

    Args:
        model: the file of the generator.
        sheet: what to draw.
        out: the PNG to write; or a folder, if there is one, or if `out` ends with / or has no suffix.
        revision: of the code, for the provenance.
        draw: draws the pictures.

    Raises:
        UsageError: if the generator does not know a breed, or if `out` has another suffix.
        PedigreeError: if there is no such model. `draw` may raise more.
    """
    place = Path(out)
    to_folder = out != "" and (place.is_dir() or out.endswith("/") or not place.suffix)
    if not to_folder:
        kind_of(place, ".png", other=", or a folder: one that exists, or a name that ends with /")
    breeds = breeds_of(model)
    if unknown := [breed for breed in sheet.breeds if breed not in breeds]:
        raise UsageError(f"{model} has no breed {unknown[0]!r}: `pedigree breeds` lists all {len(breeds)}.")
    files = file_names(sheet, breeds)
    if to_folder:
        _check_folder(place, [name for row in files.values() for name in row.values()])
    generator, origin = load_generator(model), partial(Provenance, model_hash(model), revision)
    if to_folder:
        note = _save_pictures(generator, sheet, place, files, origin, draw)
    else:
        drawn = draw(generator, sheet.breeds, sheet.count, sheet.seed, sheet.truncation)
        save_png(_laid_out(drawn, sheet), place, _fields(drawn, origin(sheet.to_json())))
        note = drawn.note
    return f"{_summary(sheet)}{f' ({note})' if note else ''}: {out}"


def chosen(names: Sequence[str], folders: Sequence[str]) -> tuple[str, ...]:
    """Return those of `folders` that the names of breeds stand for, each once, in the order of `names`.

    The name "all" stands for all of them.

    Raises:
        UsageError: if a name stands for none of them, or for more than one.
    """
    if "all" in (name.lower() for name in names):
        return tuple(folders)
    return tuple(dict.fromkeys(find_breed(name, folders) for name in names))


def _laid_out(drawn: Drawn, sheet: Sheet) -> Image.Image:
    """Draw a sheet: the picture of its index, a single breed in about as many rows as columns, or a row per breed."""
    if sheet.index is not None:
        return Image.fromarray(drawn.images[0, sheet.index])
    scale = max(1, SIDES[".png"] // drawn.images.shape[2])
    names = [display_name(folder) for folder in sheet.breeds] if sheet.labels else []
    if len(sheet.breeds) > 1:
        return grid(drawn.images, names or None, scale, title=drawn.note or None)
    title = ": ".join(filter(None, [*names, drawn.note]))
    return grid(wrapped(drawn.images[0], square_side(sheet.count)), scale=scale, title=title or None)


def _fields(drawn: Drawn, provenance: Provenance) -> dict[str, str]:
    """Return the fields of a PNG: how the pictures were chosen, and where they come from."""
    return ({"Description": drawn.note} if drawn.note else {}) | png_fields(provenance)


def _check_folder(folder: Path, names: Sequence[str]) -> None:
    """Raise PedigreeError if one of the files cannot be written into the folder, before anything is drawn."""
    if folder.exists() and not folder.is_dir():
        raise PedigreeError(f"{folder} is not a folder: name another one, or a .png file.")
    for name in names:
        check_replaceable(folder / name)


def _save_pictures(generator: Generator, sheet: Sheet, folder: Path, files: Files, origin: Origin, draw: Draw) -> str:
    """Write each picture into its file in the folder; return how the pictures were chosen.

    Each breed is drawn alone, as when one of its files is drawn again.
    """
    notes = set()
    with replacing_entries(folder) as new:
        for breed, names in files.items():
            drawn = draw(generator, [breed], sheet.count, sheet.seed, sheet.truncation)
            notes.add(drawn.note)
            for index, name in names.items():
                one = replace(sheet, breeds=(breed,), index=index)
                save_png(_laid_out(drawn, one), new / name, _fields(drawn, origin(one.to_json())))
    return notes.pop() if len(notes) == 1 else "chosen as the field Description of each file says"


def _summary(sheet: Sheet) -> str:
    """Return how many pictures of which breeds a sheet has."""
    if sheet.index is not None:
        return f"picture {sheet.index} of {display_name(sheet.breeds[0])}"
    titles = [display_name(folder) for folder in sheet.breeds]
    breeds = ", ".join(titles) if len(titles) <= MOST_NAMES else plural(len(titles), "breed")
    return f"{plural(sheet.count, 'picture')}{' each' if len(titles) > 1 else ''} of {breeds}"
