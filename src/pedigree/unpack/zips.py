"""Zip archives, read one member at a time."""

import io
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from pedigree.common.zip_directory import directory_size
from pedigree.unpack.layouts import shown
from pedigree.unpack.members import CHUNK, PADDING, Member, Source

MAGICS = (b"PK\3\4", b"PK\5\6")

_END, _END_BYTES = b"PK\5\6", 22  # the last record of a zip; a comment follows, whose length is its last field
_LONGEST_END = _END_BYTES + 0xFFFF
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile reads the other methods without a limit on memory
_ENCRYPTED = 0x1 | 0x40 | 0x2000


@contextmanager
def zip_members(file: IO[bytes], source: Source) -> Iterator[Iterator[Member]]:
    """Yield the members of the zip archive `file`, in the order of their bytes."""
    with source.reading("its table of contents"):
        source.check_directory(directory_size(file))
        table = zipfile.ZipFile(file)
    with table:
        _check_single(table, file, source)
        yield _members(table, source)


def _check_single(table: zipfile.ZipFile, file: IO[bytes], source: Source) -> None:
    """Raise if there is another archive before or after this one: its members are in no table of contents that is read.

    The file begins with a zip, so there must be nothing before the first member. Padding after the end is allowed.
    """
    first = min((info.header_offset for info in table.infolist()), default=table.start_dir)
    with source.reading("its end"):
        file.seek(-min(_LONGEST_END, file.seek(0, io.SEEK_END)), io.SEEK_END)
        end = file.read()
    if first:
        problem = f"its table of contents leaves out the first {first} bytes"
    elif end[_length(end) :].strip(PADDING):
        problem = "continues after its end"
    else:
        return
    raise source.error(f"{problem}: it is several archives in one file", "use a single archive")


def _length(end: bytes) -> int:
    """Return where the zip ends in the last bytes of its file: after its comment."""
    record = end.rfind(_END)
    return record + _END_BYTES + int.from_bytes(end[record + _END_BYTES - 2 :][:2], "little")


def _members(table: zipfile.ZipFile, source: Source) -> Iterator[Member]:
    for info in sorted(table.infolist(), key=lambda info: info.header_offset):
        name = info.orig_filename  # `filename` is cut at a NUL
        if name.endswith("/"):
            source.count_folder(name)
            yield Member(name, True, iter(()))
            continue
        _check_kind(info, source)
        _check_readable(info, source)
        source.count_file(name, info.file_size)
        yield Member(name, False, _chunks(table, info, source))


def _check_kind(info: zipfile.ZipInfo, source: Source) -> None:
    """Raise unless the member is a regular file. Packers on Unix record the kind of a file; others record zero."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        problem = "a symbolic link" if kind == stat.S_IFLNK else "not a regular file"
        raise source.error(f"member {shown(info.orig_filename)} is {problem}", "pack regular files only, without links")


def _check_readable(info: zipfile.ZipInfo, source: Source) -> None:
    name = shown(info.orig_filename)
    if info.flag_bits & _ENCRYPTED:
        raise source.error(f"member {name} is encrypted", "pack again without a password")
    if info.compress_type not in _READABLE:
        raise source.error(f"member {name} has compression method {info.compress_type}", "pack again with deflate")


def _chunks(table: zipfile.ZipFile, info: zipfile.ZipInfo, source: Source) -> Iterator[bytes]:
    """Read one member, and check its length. zipfile checks only the CRC."""
    name, count = info.orig_filename, 0
    with source.reading(f"member {shown(name)}"):
        content = table.open(info)
    with content:
        while True:
            with source.reading(f"member {shown(name)}"):
                chunk = content.read(CHUNK)
            if not chunk:
                break
            count += len(chunk)
            source.count_content(name, len(chunk))
            yield chunk
    if count != info.file_size:
        raise source.error(f"member {shown(name)} has {count} bytes, its entry claims {info.file_size}")
