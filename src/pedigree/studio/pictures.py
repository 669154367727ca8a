"""Pictures as bytes: PNG with provenance, strips, sheets, archives and films."""

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pedigree.common import films
from pedigree.common.grids import png_bytes
from pedigree.common.zip_entries import add_member
from pedigree.drawing.dog_pictures import enlarged, in_rows, portrait_name, portrait_png
from pedigree.drawing.dogs import Dog
from pedigree.drawing.provenance import Provenance
from pedigree.drawing.request import Portrait, PortraitSheet
from pedigree.studio.models import Model

FPS = 12
ROW = 8  # pictures in a row of a strip of frames

Images = npt.NDArray[np.uint8]


def dog_png(model: Model, revision: str, dog: Dog, image: Images, scale: int = 1) -> bytes:
    """Return the PNG of a dog `(size, size, 3)`, enlarged `scale` times without smoothing, with its provenance."""
    return portrait_png(image, Provenance(model.hash, revision, Portrait(str(dog), scale).to_json()), scale)


def plain_png(image: Images) -> bytes:
    """Return the PNG of a picture `(height, width, 3)`."""
    return png_bytes(Image.fromarray(image))


def group_png(model: Model, revision: str, dogs: Sequence[Dog], images: Images, across: int) -> bytes:
    """Return the PNG of dogs `(n, size, size, 3)` in rows of `across`, with its provenance."""
    request = PortraitSheet(tuple(map(str, dogs)), across).to_json()
    return portrait_png(in_rows(images, across), Provenance(model.hash, revision, request), scale=1)


def archive(model: Model, revision: str, dogs: Sequence[Dog], images: Images) -> bytes:
    """Return a zip with one PNG per dog. Equal dogs give equal bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as target:
        for number, (dog, image) in enumerate(zip(dogs, images, strict=True)):
            add_member(target, f"{number:02}-{portrait_name(dog)}", dog_png(model, revision, dog, image))
    return content.getvalue()


def film(images: Images, kind: str, scale: int) -> bytes:
    """Return frames `(n, size, size, 3)` as a GIF or MP4 that loops.

    Raises:
        PedigreeError: an MP4 needs PyAV, which is not installed.
    """
    frames = [Image.fromarray(enlarged(image, scale)) for image in images]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"walk.{kind}"
        if kind == "gif":
            films.save_gif(frames, path, 1000 // FPS)
        else:
            films.require_pyav(path)
            films.save_mp4(frames, path, FPS)
        return path.read_bytes()
