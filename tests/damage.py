"""Builders of bad archives, each with one fault. A builder writes the archive to a given path."""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from packing import BEAGLE, CONTAINERS, PHOTOS, add, below, pack_tar, pack_zip

GOOD = below("Images/", PHOTOS)
NAME = f"Images/{BEAGLE}/bad.jpg"


def tar_with(name: str = NAME, content: bytes = b"x", **fields: object) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        with tarfile.open(path, "w") as archive:
            for good, data in GOOD:
                add(archive, good, data)
            add(archive, name, content, **fields)

    return build


def zip_with(name: str = NAME, mode: int | None = None, method: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        info = zipfile.ZipInfo(name)
        info.compress_type = method
        if mode is not None:
            info.external_attr = mode << 16
        with zipfile.ZipFile(path, "w") as archive:
            for good, data in GOOD:
                archive.writestr(good, data)
            archive.writestr(info, b"/etc/passwd" * 10)

    return build


def tar_of(*names: str) -> Callable[[Path], None]:
    return lambda path: void(pack_tar(path, [(name, b"x") for name in names]))


def zip_of(*names: str) -> Callable[[Path], None]:
    return lambda path: void(pack_zip(path, [(name, b"x") for name in names]))


def content(data: bytes) -> Callable[[Path], None]:
    return lambda path: void(path.write_bytes(data))


def void(_: object) -> None:
    return None


def changed(container: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Build a good archive, then change its bytes."""

    def build(path: Path) -> None:
        CONTAINERS[container](path, GOOD)
        path.write_bytes(change(path.read_bytes()))

    return build


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: (
        data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :] if at >= 0 else flipped(len(data) + at)(data)
    )


def zip_field(signature: bytes, at: int, form: str, value: int) -> Callable[[bytes], bytes]:
    """Overwrite a field of the first zip record that begins with `signature`."""

    def change(data: bytes) -> bytes:
        start = data.index(signature) + at
        return data[:start] + struct.pack(form, value) + data[start + struct.calcsize(form) :]

    return change


def both(*changes: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        for one in changes:
            data = one(data)
        return data

    return change


def tar_number(data: bytes, at: int, field: slice, value: bytes) -> bytes:
    """Overwrite a number in the header at byte `at`, and correct the checksum of the header."""
    block = bytearray(data[at : at + 512])
    block[field] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return data[:at] + bytes(block) + data[at + 512 :]


def hidden_zeros(path: Path) -> None:
    """Write three million bytes after the end mark, which iterating over the members does not reach."""
    with gzip.open(path, "wb") as file:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            add(archive, NAME, b"x")
        file.write(buffer.getvalue() + bytes(3_000_000))


def huge_extension(path: Path) -> None:
    """Write a pax header of three million bytes, which tarfile would read into memory."""
    with tarfile.open(path, "w:gz", pax_headers={"comment": "x" * 3_000_000}) as archive:
        add(archive, NAME, b"x")


def bomb(mode: str, claim: int = 4_000_000) -> Callable[[Path], None]:
    return lambda path: void(pack_tar(path, [(NAME, bytes(claim))], mode=mode))


def many_extensions(path: Path) -> None:
    with tarfile.open(path, "w:xz") as archive:
        for number in range(30):
            add(archive, f"Images/{BEAGLE}/{number}.jpg", pax_headers={"comment": "x" * 500_000})


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """Flip a bit, remove bytes or add bytes at a random place, like a bad disk or a bad connection."""
    at, count = int(random.integers(len(data))), int(random.choice([1, 7, 512, 3000]))
    kinds = [
        bytes([data[at] ^ 1 << int(random.integers(8))]) + data[at + 1 :],
        data[at + count :],
        bytes(count) + data[at:],
    ]
    return data[:at] + kinds[random.integers(3)]
