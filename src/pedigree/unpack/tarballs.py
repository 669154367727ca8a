"""Tar archives, plain or compressed, a member at a time.

`tarfile` takes a damaged header in the middle for the end, and reads extended headers of any size into memory; so
its header parser is used alone, and the walk from header to header is ours.
"""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from pedigree.unpack.layouts import shown
from pedigree.unpack.members import CHUNK, Member, Source

BLOCK = tarfile.BLOCKSIZE
LONGEST_EXTENSION = 1 << 20  # bytes; an extended header holds a name and a few numbers

_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_LONG_NAME = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE)
_REFUSED = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


def compression(start: bytes) -> str | None:
    """Name the compression that the first bytes of a file show, of those a tar archive may have."""
    return next((kind for magic, kind in _COMPRESSIONS.items() if start.startswith(magic)), None)


def looks_like_tar(block: bytes) -> bool:
    """Whether the first 512 bytes are a tar header, even a damaged one, or the end of an empty tar archive."""
    return block[257:262] == b"ustar" or block == bytes(BLOCK) or _is_header(block)


@contextmanager
def tar_members(file: IO[bytes], source: Source, kind: str | None) -> Iterator[Iterator[Member]]:
    """Yield the members of the tar archive `file`, compressed by `kind`, in its order.

    A member that was not read is skipped when the next one is asked for. The compression's checksum is checked at the
    end, so the members must be walked through to the last.
    """
    if kind is None:
        yield _members(file, source)
        return
    with _decompressed(file, kind) as stream:
        with source.reading("its beginning"):
            start = stream.read(BLOCK)
            stream.seek(0)
        if not looks_like_tar(start):
            raise source.error(f"is compressed by {kind} but holds no tar archive", "pack the photos' folders with tar")
        yield _members(stream, source)


def _decompressed(file: IO[bytes], kind: str) -> IO[bytes]:
    if kind == "gzip":
        return cast(IO[bytes], gzip.open(file))
    return cast(IO[bytes], bz2.open(file) if kind == "bzip2" else lzma.open(file))


def _members(stream: IO[bytes], source: Source) -> Iterator[Member]:
    common: dict[str, str] = {}
    own: dict[str, str] = {}
    while (header := _header(stream, source)) is not None:
        if header.type in _PAX + _LONG_NAME:
            records = _extension(stream, source, header)
            (common if header.type == tarfile.XGLTYPE else own).update(records)
            continue
        told = common | own
        name, size = told.get("path", header.name), _size(source, header, told)
        _check_kind(source, name, header.type, told)
        if header.isdir():
            source.count_folder(name)
            yield Member(name, True, iter(()))
        else:
            source.count_file(name, size)
            chunks = _chunks(stream, source, name, size)
            yield Member(name, False, chunks)
            for _ in chunks:
                pass
        own = {}
    _check_end(stream, source)


def _header(stream: IO[bytes], source: Source) -> tarfile.TarInfo | None:
    """Read the next header; None at the block of zeros that ends the archive."""
    block = _read(stream, source, BLOCK, "the next header")
    if len(block) < BLOCK:
        raise source.error("ends without the end mark of a tar archive, it was cut short")
    if block == bytes(BLOCK):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise source.error(f"the header at member {shown(_spelt(block))} is damaged ({error})") from None


def _check_kind(source: Source, name: str, kind: bytes, told: dict[str, str]) -> None:
    if any(key.startswith("GNU.sparse.") for key in told):
        kind = tarfile.GNUTYPE_SPARSE
    if kind not in (*_REGULAR, tarfile.DIRTYPE):
        what = _REFUSED.get(kind, f"of the unknown type {kind!r}")
        raise source.error(f"member {shown(name)} is {what}", "pack regular files only, without links or --sparse")


def _size(source: Source, header: tarfile.TarInfo, told: dict[str, str]) -> int:
    size = told.get("size", str(header.size))
    if not (size.isascii() and size.isdigit() and len(size) < 20):
        raise source.error(f"member {shown(header.name)} claims {shown(size)} bytes")
    return int(size)


def _chunks(stream: IO[bytes], source: Source, name: str, size: int) -> Iterator[bytes]:
    """Yield a member's content, then pass its padding to the next block."""
    left = size
    while left:
        chunk = _exactly(stream, source, min(left, CHUNK), name)
        left -= len(chunk)
        source.count_content(name, len(chunk))
        yield chunk
    _exactly(stream, source, -size % BLOCK, name)


def _extension(stream: IO[bytes], source: Source, header: tarfile.TarInfo) -> dict[str, str]:
    """Read a pax header, or GNU's long name, that says more of the member after it."""
    if not 0 <= header.size <= LONGEST_EXTENSION:
        raise source.error(f"the extended header {shown(header.name)} claims {header.size} bytes")
    source.count_overhead(header.name, BLOCK + header.size)
    content = _exactly(stream, source, header.size, header.name)
    _exactly(stream, source, -header.size % BLOCK, header.name)
    if header.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": content.removesuffix(b"\0").decode("utf-8", "surrogateescape")}
    return {} if header.type == tarfile.GNUTYPE_LONGLINK else _pax_records(source, header.name, content)


def _pax_records(source: Source, name: str, content: bytes) -> dict[str, str]:
    """Parse records `length key=value newline` (POSIX pax, extended header)."""
    records = {}
    while content:
        length, _, rest = content.partition(b" ")
        end = int(length) if length.isdigit() and len(length) < 8 else 0
        key, equals, value = content[len(length) + 1 : end - 1].partition(b"=")
        if not rest or not equals or content[end - 1 : end] != b"\n":
            raise source.error(f"the extended header {shown(name)} is damaged")
        records[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
        content = content[end:]
    return records


def _check_end(stream: IO[bytes], source: Source) -> None:
    """Read what follows the end mark, for the compression's checksum, and so that no joined archive is lost."""
    while rest := _read(stream, source, CHUNK, "its end"):
        source.count_overhead("its end", len(rest))
        if any(rest) and any(_is_header(rest[at : at + BLOCK]) for at in range(0, len(rest), BLOCK)):
            raise source.error("goes on behind its end mark, it is several archives in one", "give a single archive")


def _is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _spelt(block: bytes) -> str:
    return block[:100].partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _exactly(stream: IO[bytes], source: Source, count: int, name: str) -> bytes:
    content = _read(stream, source, count, f"member {shown(name)}") if count else b""
    if len(content) < count:
        raise source.error(f"ends in the middle of member {shown(name)}, it was cut short")
    return content


def _read(stream: IO[bytes], source: Source, count: int, what: str) -> bytes:
    with source.reading(what):
        return stream.read(count)
