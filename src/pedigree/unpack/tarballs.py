"""Tar archives, plain or compressed, read one member at a time.

Only the header parser of `tarfile` is used. The loop over the headers is our own, because `tarfile` takes a damaged
header in the middle for the end of the archive, and reads extended headers of any size into memory.
"""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from pedigree.unpack.layouts import shown
from pedigree.unpack.members import CHUNK, PADDING, Member, Source

BLOCK = tarfile.BLOCKSIZE
LONGEST_EXTENSION = 1 << 20  # bytes; an extended header usually holds just a name and a few numbers

_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_LONG_NAME = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE)
_USED, _SPARSE = (b"path", b"size"), b"GNU.sparse."  # the records of pax that change how a member is read
_LONGEST_LENGTH = 8  # digits of the length of a record, with the space after it
_REFUSED = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


def compression(start: bytes) -> str | None:
    """Return the name of the compression that the first bytes of a file show; None if it is not a supported one."""
    return next((kind for magic, kind in _COMPRESSIONS.items() if start.startswith(magic)), None)


def looks_like_tar(block: bytes) -> bool:
    """Whether the first 512 bytes are a tar header, even a damaged one, or the end of an empty tar archive."""
    return block[257:262] == b"ustar" or block == bytes(BLOCK) or _is_header(block)


@contextmanager
def tar_members(file: IO[bytes], source: Source, kind: str | None) -> Iterator[Iterator[Member]]:
    """Yield the members of the tar archive `file`, compressed by `kind`, in the order of the archive.

    Going on to the next member skips the rest of the one before. The checksum of the compression is checked at the end,
    so the caller must iterate over all members.
    """
    if kind is None:
        yield _members(file, source)
        return
    with _decompressed(file, kind) as stream:
        with source.reading("its beginning"):
            start = stream.read(BLOCK)
            stream.seek(0)
        if not looks_like_tar(start):
            raise source.error(f"is compressed by {kind} but holds no tar archive", "pack the folders with tar")
        yield _members(stream, source)


def _decompressed(file: IO[bytes], kind: str) -> IO[bytes]:
    if kind == "gzip":
        return cast(IO[bytes], gzip.open(file))
    return cast(IO[bytes], bz2.open(file) if kind == "bzip2" else lzma.open(file))


def _members(stream: IO[bytes], source: Source) -> Iterator[Member]:
    common: dict[str, str] = {}  # the records for all members that follow
    own: dict[str, str] = {}  # the records for the next member only
    while (header := _header(stream, source)) is not None:
        if header.type in _PAX + _LONG_NAME:
            (common if header.type == tarfile.XGLTYPE else own).update(_extension(stream, source, header))
            continue
        records = common | own
        name, size = records.get("path", header.name), _size(source, header, records)
        _check_kind(source, name, header.type, records)
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
        raise source.error("ends without the end mark of a tar archive, so it is truncated")
    if block == bytes(BLOCK):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise source.error(f"the header at member {shown(_raw_name(block))} is damaged ({error})") from None


def _check_kind(source: Source, name: str, kind: bytes, records: dict[str, str]) -> None:
    if _SPARSE.decode() in records:
        kind = tarfile.GNUTYPE_SPARSE
    if kind not in (*_REGULAR, tarfile.DIRTYPE):
        problem = _REFUSED.get(kind, f"of the unknown type {kind!r}")
        raise source.error(f"member {shown(name)} is {problem}", "pack regular files only, without links or --sparse")


def _size(source: Source, header: tarfile.TarInfo, records: dict[str, str]) -> int:
    size = records.get("size", str(header.size))
    if not (size.isascii() and size.isdigit() and len(size) < 20):
        raise source.error(f"member {shown(header.name)} claims {shown(size)} bytes")
    return int(size)


def _chunks(stream: IO[bytes], source: Source, name: str, size: int) -> Iterator[bytes]:
    """Yield the content of a member, then skip its padding up to the next block."""
    left = size
    while left:
        chunk = _exactly(stream, source, min(left, CHUNK), name)
        left -= len(chunk)
        source.count_content(name, len(chunk))
        yield chunk
    _exactly(stream, source, -size % BLOCK, name)


def _extension(stream: IO[bytes], source: Source, header: tarfile.TarInfo) -> dict[str, str]:
    """Read an extended header (pax, or the long name of GNU tar), which describes the member after it."""
    if not 0 <= header.size <= LONGEST_EXTENSION:
        raise source.error(f"the extended header {shown(header.name)} claims {header.size} bytes")
    source.count_overhead(header.name, BLOCK + header.size)
    content = _exactly(stream, source, header.size, header.name)
    _exactly(stream, source, -header.size % BLOCK, header.name)
    if header.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": content.removesuffix(b"\0").decode("utf-8", "surrogateescape")}
    return {} if header.type == tarfile.GNUTYPE_LONGLINK else _pax_records(source, header.name, content)


def _pax_records(source: Source, name: str, content: bytes) -> dict[str, str]:
    """Parse records `length key=value newline` (POSIX pax, extended header). Only those that are used are returned."""
    records, start = {}, 0
    while start < len(content):
        length = content[start : start + _LONGEST_LENGTH].partition(b" ")[0]
        end = start + (int(length) if length.isdigit() else 0)
        key, equals, value = content[start + len(length) + 1 : end - 1].partition(b"=")
        if not equals or content[end - 1 : end] != b"\n":
            raise source.error(f"the extended header {shown(name)} is damaged")
        if key in _USED:
            records[key.decode()] = value.decode("utf-8", "surrogateescape")
        elif key.startswith(_SPARSE):
            records[_SPARSE.decode()] = ""
        start = end
    return records


def _check_end(stream: IO[bytes], source: Source) -> None:
    """Read the rest after the end mark, so that the checksum is checked and a second archive is not overlooked."""
    while rest := _read(stream, source, CHUNK, "its end"):
        source.count_overhead("its end", len(rest))
        if rest.strip(PADDING):
            raise source.error(
                "continues after its end mark: it is several archives in one file", "use a single archive"
            )


def _is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _raw_name(block: bytes) -> str:
    return block[:100].partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _exactly(stream: IO[bytes], source: Source, count: int, name: str) -> bytes:
    content = _read(stream, source, count, f"member {shown(name)}") if count else b""
    if len(content) < count:
        raise source.error(f"ends in the middle of member {shown(name)}, so it is truncated")
    return content


def _read(stream: IO[bytes], source: Source, count: int, part: str) -> bytes:
    with source.reading(part):
        return stream.read(count)
