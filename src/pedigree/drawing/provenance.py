"""Where a picture comes from: the generator, the revision of the code and the request, in a field of the PNG.

The field is the iTXt chunk `Pedigree`. Its text is one JSON object with the attributes of `Provenance`.
"""

import hashlib
import io
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from pedigree.common import json_text
from pedigree.errors import PedigreeError

FIELD = "Pedigree"
LARGEST = 1_000_000  # bytes of the field; a sheet of 120 breeds has 4 kB
MOST_CHUNKS = 1_000_000  # of a PNG; Pillow writes one for every 64 kB
LONGEST_REVISION = 100  # characters
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START = FIELD.encode() + b"\0\0\0\0\0"  # keyword, no compression, no language, no translated keyword (PNG, 11.3.3.4)
_CHECKSUM = 4  # bytes after the content of a chunk
_MODEL = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Provenance:
    """Where a picture comes from.

    Attributes:
        model: the hash of the generator's file, as `model_hash` returns it.
        revision: the short git revision of the project, with "-dirty" if tracked files differ; empty without git.
        request: what to draw, as JSON values. `pedigree.generator.sheets` says which requests there are.
    """

    model: str
    revision: str
    request: Mapping[str, Any]


def model_hash(path: Path) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def png_fields(provenance: Provenance) -> dict[str, str]:
    """Return the fields for `pedigree.common.grids.save_png` and `png_bytes`. Equal provenance gives equal text.

    Raises:
        ValueError: the request has NaN or an infinite number.
        TypeError: the request has values that JSON does not have.
    """
    facts = {"model": provenance.model, "revision": provenance.revision, "request": dict(provenance.request)}
    return {FIELD: json.dumps(facts, sort_keys=True, allow_nan=False)}


def read_provenance(picture: Path | bytes) -> Provenance:
    """Read the provenance of a PNG, given as a file or as its bytes. It may come from anybody.

    No pixels are decoded. The request is any JSON object: who uses it checks it.

    Raises:
        PedigreeError: there is no such file, it is no PNG or is damaged, or it has no provenance that can be read.
    """
    name = str(picture) if isinstance(picture, Path) else "the picture"
    try:
        with picture.open("rb") if isinstance(picture, Path) else io.BytesIO(picture) as file:
            field = _field(file)
    except ValueError as error:
        raise PedigreeError(f"{name} cannot be read ({error}): name a PNG that Pedigree has drawn.") from None
    except OSError as error:
        raise PedigreeError(f"{name} cannot be read ({error.strerror}): name a PNG that Pedigree has drawn.") from None
    if field is None:
        raise PedigreeError(
            f"{name} does not say how it was drawn: it has no field {FIELD}. Programs that edit pictures may remove it."
        )
    try:
        return _parsed(field)
    except ValueError as error:
        raise PedigreeError(f"{name} does not say how it was drawn: its field {FIELD} is damaged ({error}).") from None


def _field(file: IO[bytes]) -> bytes | None:
    """Return the text of the field in a PNG; None if there is none.

    Raises:
        ValueError: the file is no PNG, or is damaged.
    """
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        raise ValueError("it is no PNG")
    for _ in range(MOST_CHUNKS):
        length, kind = int.from_bytes(file.read(4)), file.read(4)
        if kind == b"IEND":
            return None
        if len(kind) < len(b"IEND"):
            break
        if kind != b"iTXt" or length > LARGEST:
            file.seek(length + _CHECKSUM, io.SEEK_CUR)
            continue
        content, checksum = file.read(length), int.from_bytes(file.read(_CHECKSUM))
        if zlib.crc32(kind + content) != checksum:
            break
        if content.startswith(_START):
            return content.removeprefix(_START)
    raise ValueError("it is damaged or cut off")


def _parsed(field: bytes) -> Provenance:
    """Return the provenance that a field holds.

    Raises:
        ValueError: it is not what `png_fields` returns.
    """
    facts = json_text.parse(field, parse_constant=_no_constant)
    if not isinstance(facts, dict) or facts.keys() != {"model", "revision", "request"}:
        raise ValueError("expected an object with model, revision and request")
    model, revision, request = facts["model"], facts["revision"], facts["request"]
    if not isinstance(model, str) or not _MODEL.fullmatch(model):
        raise ValueError("its model is no hash of 16 hexadecimal digits")
    if not isinstance(revision, str) or len(revision) > LONGEST_REVISION:
        raise ValueError("its revision is no short text")
    if not isinstance(request, dict):
        raise ValueError("its request is no object")
    return Provenance(model, revision, request)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"it has the number {name}")
