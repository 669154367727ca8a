"""Portraits: dogs as texts, alone or in rows, of one breed or of mixed breeds, as the studio draws them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.common.breeds import display_name
from pedigree.common.grids import png_bytes, save_png, wrapped
from pedigree.common.names import file_name
from pedigree.common.plurals import plural
from pedigree.drawing.dogs import Dog, latents_of, parse, shares_of
from pedigree.drawing.outputs import kind_of
from pedigree.drawing.provenance import Provenance, model_hash, png_fields
from pedigree.drawing.request import Portrait, PortraitSheet
from pedigree.generator.mixing import draw_shares
from pedigree.generator.model import load_generator

Picture = npt.NDArray[np.uint8]


def redraw(model: Path, request: Portrait | PortraitSheet, out: str, revision: str = "") -> str:
    """Draw a portrait or a sheet of portraits again into the PNG `out`; return a summary.

    Args:
        model: the file of the generator.
        request: what to draw.
        out: the PNG to write.
        revision: of the code, for the provenance.

    Raises:
        UsageError: if the text of a dog is wrong, or `out` has another suffix.
        PedigreeError: if there is no such model, or it cannot mix breeds and a dog is a mixture.
    """
    kind_of(Path(out), ".png")
    generator = load_generator(model)
    texts = request.dogs if isinstance(request, PortraitSheet) else [request.dog]
    dogs = [parse(text, generator.breeds) for text in texts]
    images = draw_shares(generator, latents_of(generator, dogs), shares_of(generator, dogs))
    again: Portrait | PortraitSheet
    if isinstance(request, PortraitSheet):
        again, picture = PortraitSheet(tuple(map(str, dogs)), request.across), in_rows(images, request.across)
    else:
        again, picture = Portrait(str(dogs[0]), request.scale), enlarged(images[0], request.scale)
    save_png(Image.fromarray(picture), Path(out), png_fields(Provenance(model_hash(model), revision, again.to_json())))
    return f"{dogs[0] if len(dogs) == 1 else plural(len(dogs), 'dog')}: {out}"


def portrait_png(image: Picture, provenance: Provenance, scale: int) -> bytes:
    """Return the PNG of a dog `(size, size, 3)`, enlarged `scale` times without smoothing."""
    return png_bytes(Image.fromarray(enlarged(image, scale)), png_fields(provenance))


def enlarged(image: Picture, scale: int) -> Picture:
    """Repeat each pixel `scale` times in both directions."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def in_rows(images: Picture, across: int) -> Picture:
    """Return pictures `(n, size, size, 3)` in rows of at most `across`, as one picture. White fills the last row."""
    rows = wrapped(images, min(across, len(images))).swapaxes(1, 2)
    return rows.reshape(len(rows) * rows.shape[1], -1, 3)


def portrait_name(dog: Dog) -> str:
    """Return a name for a dog's PNG, such as `pug-7.png`."""
    breeds = "-".join(display_name(folder) for folder, _ in dog.breeds)
    latent = str(dog.latent) if dog.latent.kind == "seed" else dog.latent.kind
    return f"{file_name(f'{breeds}-{latent}')}.png"
