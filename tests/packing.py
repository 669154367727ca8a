"""Archives for the tests: photos and annotations in every layout, packed in every container."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from pedigree.settings.params import Unpack

LIMITS = Unpack(max_files=1000, max_bytes=5_000_000, max_ratio=100.0)

CHIHUAHUA, BEAGLE = "n02085620-Chihuahua", "n02088364-beagle"
PHOTOS = {
    (CHIHUAHUA, "n02085620_199.jpg"): hashlib.shake_256(b"1").digest(3000),
    (CHIHUAHUA, "n02085620_2.JPG"): hashlib.shake_256(b"2").digest(512),
    (BEAGLE, "n02088364_77.png"): hashlib.shake_256(b"3").digest(1),
    (BEAGLE, "n02088364_8.jpeg"): b"",
}
VOC = {(breed, file.partition(".")[0]): f"<annotation>{file}</annotation>".encode() for breed, file in PHOTOS}

Files = list[tuple[str, bytes]]


def pack_tar(path: Path, files: Iterable[tuple[str, bytes]], style: int = tarfile.PAX_FORMAT, mode: str = "w") -> Path:
    with tarfile.open(path, mode, format=style) as archive:
        for name, content in files:
            add(archive, name, content)
    return path


def add(archive: tarfile.TarFile, name: str, content: bytes = b"", **fields: object) -> None:
    member = tarfile.TarInfo(name)
    if name.endswith("/"):
        member.type, content = tarfile.DIRTYPE, b""
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    archive.addfile(member, io.BytesIO(content))


def pack_zip(path: Path, files: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


CONTAINERS: dict[str, Callable[[Path, Files], Path]] = {
    "pax": pack_tar,
    "gnu": lambda path, files: pack_tar(path, files, tarfile.GNU_FORMAT),
    "ustar": lambda path, files: pack_tar(path, files, tarfile.USTAR_FORMAT),
    "gzip": lambda path, files: pack_tar(path, files, mode="w:gz"),
    "bzip2": lambda path, files: pack_tar(path, files, mode="w:bz2"),
    "xz": lambda path, files: pack_tar(path, files, mode="w:xz"),
    "zip": pack_zip,
    "zip-stored": lambda path, files: pack_zip(path, files, zipfile.ZIP_STORED),
}


def below(folder: str, files: dict[tuple[str, str], bytes]) -> Files:
    return [(f"{folder}{breed}/{name}", content) for (breed, name), content in files.items()]


def flat(folder: str) -> Files:
    return [(f"{folder}{name}", content) for (_, name), content in PHOTOS.items()]


LAYOUTS: dict[str, tuple[Files, Files | None]] = {
    "stanford": (below("Images/", PHOTOS), below("Annotation/", VOC)),
    "stanford-wrapped": (below("stanford-dogs/Images/", PHOTOS), below("stanford-dogs/Annotation/", VOC)),
    "stanford-dotted": (below("./Images/", PHOTOS), below(".//Annotation/", VOC)),
    "kaggle": (flat("all-dogs/"), below("Annotation/", VOC)),
    "kaggle-wrapped": (flat("generative/all-dogs/"), below("generative/Annotation/", VOC)),
    "kaggle-bare": (flat(""), below("", VOC)),
    "both-in-one": (below("dogs/Images/", PHOTOS), below("dogs/Images/", PHOTOS) + below("dogs/Annotation/", VOC)),
    "xml-suffix": (below("Images/", PHOTOS), [(f"{name}.xml", voc) for name, voc in below("Annotation/", VOC)]),
    "photos-alone": (below("", PHOTOS), None),
    "photos-alone-wrapped": (below("digits/", PHOTOS), None),
}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def expected(annotated: bool) -> dict[str, bytes]:
    photos = dict(below("Images/", PHOTOS))
    return photos | dict(below("Annotation/", VOC)) if annotated else photos
