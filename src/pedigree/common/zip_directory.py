"""The size of a zip archive's table of contents, which `zipfile` reads into memory as a whole."""

import struct
from typing import IO

_END = struct.Struct("<4s4H2LH")  # "end of central directory record" (APPNOTE.TXT, 4.3.16)
_LOCATOR = struct.Struct("<4sLQL")  # of the zip64 record, which stands before it (4.3.15)
_END_64 = struct.Struct("<4sQ2H2L4Q")  # the zip64 record (4.3.14)
_LONGEST_COMMENT = 0xFFFF


def directory_size(file: IO[bytes]) -> int:
    """Return how many bytes the table of contents has, as the archive says; 0 if there is none.

    The position in the file is the same afterwards.
    """
    before = file.tell()
    try:
        end = file.seek(0, 2)
        start = file.seek(max(0, end - _END.size - _LONGEST_COMMENT))
        tail = file.read()
        place = tail.rfind(b"PK\5\6", 0, len(tail) - _END.size + 4)
        if place < 0:
            return 0
        size = int(_END.unpack_from(tail, place)[5])
        return max(size, _size_64(file, start + place))
    finally:
        file.seek(before)


def _size_64(file: IO[bytes], end: int) -> int:
    """Return the size in the zip64 record, whose locator would stand before the byte `end`; 0 if there is none."""
    if end < _LOCATOR.size + _END_64.size:
        return 0
    file.seek(end - _LOCATOR.size)
    if not file.read(_LOCATOR.size).startswith(b"PK\6\7"):
        return 0
    file.seek(end - _LOCATOR.size - _END_64.size)  # where zipfile looks for it
    record = file.read(_END_64.size)
    return int(_END_64.unpack(record)[8]) if record.startswith(b"PK\6\6") else 0
