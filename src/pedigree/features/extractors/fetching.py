"""Downloads one large file and verifies it. An interrupted download continues where it stopped.

It is our own because the usual library, pooch, starts again from the first byte after every interruption, and its
retries do too. The file has 89 MB, so a slow or unstable connection might never get all of it.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from io import FileIO
from pathlib import Path

from pedigree.common.progress import progress_bar
from pedigree.errors import PedigreeError

TRIES = 4  # in a row without a new byte
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 18


class _IncompleteError(Exception):
    """The connection ended before the end of the file. Another try may help."""


def fetch(url: str, out: Path, verify: Callable[[Path], None], pause: float = 1.0) -> None:
    """Download `url` to `out`. An interrupted download is kept as `out` + `.part`, and the next call continues it.

    Args:
        url: `http` or `https`. If the server does not support byte ranges, the download starts again.
        out: the path to write to. If the file exists and passes `verify`, nothing is downloaded.
        verify: raises PedigreeError for a wrong file. It gets the downloaded file before it is renamed to `out`.
        pause: seconds before the second try. Doubles with each further try.

    Raises:
        PedigreeError: the server does not answer or sends an error, the connection keeps breaking, the downloaded file
            does not pass `verify` (it is removed), or `out` exists and does not pass.
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
        raise PedigreeError(
            f"The download from {url} is not the expected file and was removed: {error} Try again or later."
        ) from None
    part.replace(out)


def _check_present(out: Path, verify: Callable[[Path], None]) -> None:
    try:
        verify(out)
    except PedigreeError as error:
        raise PedigreeError(f"{error} Remove it, or choose another path with --out.") from None


def _download(url: str, part: Path, pause: float) -> None:
    """Download to `part`. Try again until `TRIES` tries in a row bring no new byte."""
    tries = 0
    while True:
        before = _size(part)
        try:
            _continue(url, part)
            return
        except (_IncompleteError, HTTPException, OSError) as error:
            _raise_if_final(error, url, part)
            tries = 1 if _size(part) > before else tries + 1
            if tries >= TRIES:
                raise PedigreeError(_message(error, url, part)) from None
            time.sleep(pause * 2 ** (tries - 1))


def _continue(url: str, part: Path) -> None:
    """Append the missing bytes to `part`, or write it from the start if the server sends the whole file."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310 (the URL is the program's own)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not have:
            raise
        if error.headers.get("Content-Range") != f"bytes */{have}":  # `part` belongs to another file
            part.unlink()
            raise _IncompleteError("the file on the server is smaller than the part that was kept") from None
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
        raise _IncompleteError(f"the connection ended after {_size(part):,} of {total:,} bytes")


def _write(file: FileIO, chunk: bytes, part: Path) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise PedigreeError(
            f"{part} cannot be written: {error.strerror}. Free some space and run the command again."
        ) from None


def _raise_if_final(error: Exception, url: str, part: Path) -> None:
    """Raise an error that another try would not fix."""
    if isinstance(error, urllib.error.HTTPError) and error.code < 500:
        raise PedigreeError(f"{url}: the server answered {error.code} {error.reason}.") from None
    if isinstance(error, OSError) and error.filename == str(part):
        raise PedigreeError(f"{part} cannot be written: {error.strerror}.") from None


def _message(error: Exception, url: str, part: Path) -> str:
    reason = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
    kept = f" {_size(part):,} bytes are kept in {part}; run the command again to continue." if _size(part) else ""
    return f"{url}: {reason} ({TRIES} tries). Check the network, or get the file from another place.{kept}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
