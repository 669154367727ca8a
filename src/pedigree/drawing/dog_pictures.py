"""Portraits: single dogs, alone or of mixed breeds, as the studio draws them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.common.breeds import display_name
from pedigree.common.grids import png_bytes, save_png
from pedigree.common.names import file_name
from pedigree.drawing.dogs import Dog, latents_of, parse, shares_of
from pedigree.drawing.outputs import kind_of
from pedigree.drawing.provenance import Provenance, model_hash, png_fields
from pedigree.drawing.request import Portrait
from pedigree.generator.mixing import Mixer
from pedigree.generator.model import load_generator

Picture = npt.NDArray[np.uint8]


def redraw(model: Path, portrait: Portrait, out: str, revision: str = "") -> str:
    """Draw a portrait again into the PNG `out`; return a summary.

    Args:
        model: the file of the generator.
        portrait: what to draw.
        out: the PNG to write.
        revision: of the code, for the provenance.

    Raises:
        UsageError: if the text of the dog is wrong, or `out` has another suffix.
        PedigreeError: if there is no such model, or it cannot mix breeds and the dog is a mixture.
    """
    kind_of(Path(out), ".png")
    generator = load_generator(model)
    dog = parse(portrait.dog, generator.breeds)
    latents, shares = latents_of(generator, [dog]), shares_of(generator, [dog])
    if len(dog.breeds) > 1:
        image = Mixer(generator).draw(latents, shares)[0]
    else:
        image = generator.draw_latents(latents, shares.argmax(axis=1).astype(np.int32))[0]
    provenance = Provenance(model_hash(model), revision, Portrait(str(dog), portrait.scale).to_json())
    save_png(Image.fromarray(enlarged(image, portrait.scale)), Path(out), png_fields(provenance))
    return f"{dog}: {out}"


def portrait_png(image: Picture, provenance: Provenance, scale: int) -> bytes:
    """Return the PNG of a dog `(size, size, 3)`, enlarged `scale` times without smoothing."""
    return png_bytes(Image.fromarray(enlarged(image, scale)), png_fields(provenance))


def enlarged(image: Picture, scale: int) -> Picture:
    """Repeat each pixel `scale` times in both directions."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def portrait_name(dog: Dog) -> str:
    """Return a name for a dog's PNG, such as `pug-7.png`."""
    breeds = "-".join(display_name(folder) for folder, _ in dog.breeds)
    latent = str(dog.latent) if dog.latent.kind == "seed" else dog.latent.kind
    return f"{file_name(f'{breeds}-{latent}')}.png"
