"""Downloading one large file that is to be verified: resumable, beside first, one line for whatever goes wrong."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from io import FileIO
from pathlib import Path

from pedigree.common.progress import progress_bar
from pedigree.errors import PedigreeError

TRIES = 4  # in a row that bring nothing new
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 18


class _BrokenOffError(Exception):
    """The connection ended before the file did; trying again may help."""


def fetch(url: str, out: Path, verify: Callable[[Path], None], pause: float = 1.0) -> None:
    """Download `url` to `out`; an interrupted download is kept as `out` with `.part` after it, and continued next time.

    Args:
        url: `http` or `https`; a server that knows no byte ranges is asked for the whole anew.
        out: where to. A file that is there already is left alone if it passes `verify`.
        verify: raises PedigreeError for a file that is not what it should be. It sees the file before `out` exists.
        pause: seconds before the second try, doubled for each later one.

    Raises:
        PedigreeError: no answer, an answer other than the file, a connection that keeps breaking, a file that does not
            pass `verify` (it is removed), or `out` is taken by such a file.
    """
    if out.exists():
        _check_present(out, verify)
        return
    part = out.with_name(f"{out.name}.part")
    out.parent.mkdir(parents=True, exist_ok=True)
    _download(url, part, pause)
    try:
        verify(part)
    except PedigreeError as error:
        part.unlink()
        raise PedigreeError(f"{url} brought something else, now removed: {error} Try again, or elsewhere.") from None
    part.replace(out)


def _check_present(out: Path, verify: Callable[[Path], None]) -> None:
    try:
        verify(out)
    except PedigreeError as error:
        raise PedigreeError(f"{error} Remove it, or name another file with --out.") from None


def _download(url: str, part: Path, pause: float) -> None:
    """Fill `part`, trying again as long as tries bring something new."""
    tries = 0
    while True:
        before = _size(part)
        try:
            _continue(url, part)
            return
        except (_BrokenOffError, HTTPException, OSError) as error:
            _raise_if_final(error, url, part)
            tries = 1 if _size(part) > before else tries + 1
            if tries >= TRIES:
                raise PedigreeError(_told(error, url, part)) from None
            time.sleep(pause * 2 ** (tries - 1))


def _continue(url: str, part: Path) -> None:
    """Append to `part` what it lacks; fill it from the start where the server sends the whole."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310 (the URL is the program's own)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not have:
            raise
        if error.headers.get("Content-Range") != f"bytes */{have}":  # more than there is: from another file
            part.unlink()
            raise _BrokenOffError("the server has less than was kept") from None
        return
    with response:
        start = have if response.status == 206 else 0
        _append(response, part, start)


def _append(response: HTTPResponse, part: Path, start: int) -> None:
    length = response.headers.get("Content-Length")
    total = start + int(length) if length else None
    bar = progress_bar(label=part.stem, total=total, unit="B", initial=start, unit_scale=True, unit_divisor=1024)
    with part.open("ab" if start else "wb", buffering=0) as file, bar:
        while chunk := response.read(_CHUNK):
            _write(file, chunk, part)
            bar.update(len(chunk))
    if total is not None and _size(part) < total:
        raise _BrokenOffError(f"the connection ended after {_size(part):,} of {total:,} bytes")


def _write(file: FileIO, chunk: bytes, part: Path) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise PedigreeError(f"{part} cannot be written: {error.strerror}. Make room and run it again.") from None


def _raise_if_final(error: Exception, url: str, part: Path) -> None:
    """Raise at once what no further try will mend."""
    if isinstance(error, urllib.error.HTTPError) and error.code < 500:
        raise PedigreeError(f"{url}: the server answered {error.code} {error.reason}.") from None
    if isinstance(error, OSError) and error.filename == str(part):
        raise PedigreeError(f"{part} cannot be written: {error.strerror}.") from None


def _told(error: Exception, url: str, part: Path) -> str:
    reason = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
    kept = f" {_size(part):,} bytes are kept in {part}; run it again to continue." if _size(part) else ""
    return f"{url}: {reason} ({TRIES} tries). Check the network, or get the file elsewhere.{kept}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
