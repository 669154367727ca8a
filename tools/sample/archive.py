"""Packs the photos and their Pascal VOC annotations into two tar files, always with the same bytes.

The layout is that of Stanford Dogs.
"""

import io
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from pedigree.common.files import replacing_file
from pedigree.common.progress import progress
from tools.sample.breeds import BREEDS, Breed
from tools.sample.rendering import Box, draw_photo

QUALITY = 80
_MODIFIED = 1_561_939_200  # 1 July 2019, UTC; any fixed time would do

Entry = tuple[str, bytes | None]

_OBJECT = """\t<object>
\t\t<name>{name}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>0</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>{xmin}</xmin>
\t\t\t<ymin>{ymin}</ymin>
\t\t\t<xmax>{xmax}</xmax>
\t\t\t<ymax>{ymax}</ymax>
\t\t</bndbox>
\t</object>
"""
_ANNOTATION = """<annotation>
\t<folder>{folder}</folder>
\t<filename>{stem}</filename>
\t<source>
\t\t<database>Pedigree's drawn sample</database>
\t</source>
\t<size>
\t\t<width>{width}</width>
\t\t<height>{height}</height>
\t\t<depth>3</depth>
\t</size>
\t<segment>0</segment>
{objects}</annotation>"""


def write_sample(target: Path, workers: int | None = None) -> None:
    """Draw the sample with `workers` processes, and write `images.tar` and `annotation.tar` into `target`."""
    images, annotations = draw_sample(workers)
    for name, entries in (("images.tar", images), ("annotation.tar", annotations)):
        with replacing_file(target / name) as temporary:
            temporary.write_bytes(packed(entries))


def draw_sample(workers: int | None = None) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of both archives in order, each as (path, content). The content of a folder is None."""
    photos = [(index, number) for index, breed in enumerate(BREEDS) for number in range(1, breed.photos + 1)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        drawn = list(progress(pool.map(draw_files, photos, chunksize=8), label="drawing", total=len(photos)))
    images: list[Entry] = [("Images", None)]
    annotations: list[Entry] = [("Annotation", None)]
    for breed in BREEDS:
        images.append((f"Images/{breed.folder}", None))
        annotations.append((f"Annotation/{breed.folder}", None))
    for (index, number), (image, annotation) in zip(photos, drawn, strict=True):
        path = f"{BREEDS[index].folder}/{_stem(BREEDS[index], number)}"
        images.append((f"Images/{path}.jpg", image))
        annotations.append((f"Annotation/{path}", annotation))
    return sorted(images), sorted(annotations)


def packed(entries: Sequence[Entry]) -> bytes:
    """Return a plain tar of the entries, in this order, with fixed times, owners and modes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in entries:
            header = tarfile.TarInfo(path)
            header.mtime = _MODIFIED
            header.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            header.mode = 0o755 if content is None else 0o644
            header.size = len(content or b"")
            archive.addfile(header, io.BytesIO(content or b""))
    return buffer.getvalue()


def draw_files(photo: tuple[int, int]) -> tuple[bytes, bytes]:
    """Return the photo (breed index, number) as JPEG and XML. They depend only on the argument."""
    index, number = photo
    drawn = draw_photo(index, number)
    height, width, _ = drawn.image.shape
    annotation = _annotation(BREEDS[index], number, (width, height), drawn.boxes)
    return _jpeg(Image.fromarray(drawn.image)), annotation.encode()


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, subsampling="4:2:0", optimize=True)
    return buffer.getvalue()


def _annotation(breed: Breed, number: int, size: tuple[int, int], boxes: list[Box]) -> str:
    """Return the XML as in Stanford Dogs: `folder` is the WordNet id without its `n`, `filename` has no suffix."""
    return _ANNOTATION.format(
        folder=breed.wnid.removeprefix("n"),
        stem=_stem(breed, number),
        width=size[0],
        height=size[1],
        objects="".join(_objects(breed, boxes)),
    )


def _objects(breed: Breed, boxes: list[Box]) -> Iterator[str]:
    for xmin, ymin, xmax, ymax in boxes:
        yield _OBJECT.format(name=breed.name, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax)


def _stem(breed: Breed, number: int) -> str:
    return f"{breed.wnid}_{number}"
