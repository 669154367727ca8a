"""The members of an archive, and the source that reads them within the limits."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pedigree.errors import PedigreeError
from pedigree.settings.params import Unpack
from pedigree.unpack.layouts import shown

CHUNK = 1 << 18  # bytes read at a time
PADDING = b"\0\r\n"  # bytes that may follow the end of an archive
LONGEST_ENTRY = 200  # bytes of an entry in the table of contents of a zip, on average; usually about 100
HARMLESS = 1 << 20  # bytes; an archive that unpacks to less is accepted at any ratio

_DAMAGE = (EOFError, OSError, RuntimeError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Member:
    """A regular file or a folder: its name as in the archive, and its content in chunks (none for a folder)."""

    name: str
    is_folder: bool
    chunks: Iterator[bytes]


class Source:
    """An open archive. It turns failed reads into clear errors, and checks what was unpacked against the limits."""

    def __init__(self, archive: Path, size: int, limits: Unpack) -> None:
        self.archive = archive
        self._limits = limits
        self._allowed = max(HARMLESS, limits.max_ratio * size)
        self._files = self._folders = self._content = self._overhead = 0

    def error(self, problem: str, advice: str = "fetch or pack it again") -> PedigreeError:
        """Return an error that names the archive, what is wrong with it and what to do."""
        return PedigreeError(f"{self.archive}: {problem}; {advice}.")

    @contextmanager
    def reading(self, part: str) -> Iterator[None]:
        """Turn every exception that a damaged archive causes in the standard library into one clear error.

        `part` names the part of the archive that is read.
        """
        try:
            yield
        except _DAMAGE as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise self.error(f"{part} cannot be read, the archive is damaged or truncated ({reason})") from None

    def check_directory(self, size: int) -> None:
        """Raise if a table of contents of `size` bytes has more entries than the limits allow."""
        if size > LONGEST_ENTRY * self._limits.max_files + HARMLESS:
            raise self._too_much("its table of contents", f"more than {self._limits.max_files} files", "max_files")

    def count_file(self, name: str, claimed: int) -> None:
        """Count a file, and raise if the size it claims is over the limit."""
        self._files += 1
        if self._files > self._limits.max_files:
            raise self._too_much(name, f"more than {self._limits.max_files} files", "max_files")
        self._check_bytes(name, self._content + claimed)

    def count_folder(self, name: str) -> None:
        """Count a folder. There may be as many folders as files."""
        self._folders += 1
        if self._folders > self._limits.max_files:
            raise self._too_much(name, f"more than {self._limits.max_files} folders", "max_files")

    def count_content(self, name: str, count: int) -> None:
        """Count bytes that were really unpacked from a file."""
        self._content += count
        self._check_bytes(name, self._content)
        self._check_ratio(name)

    def count_overhead(self, name: str, count: int) -> None:
        """Count unpacked bytes that belong to no file."""
        self._overhead += count
        self._check_ratio(name)

    def _check_bytes(self, name: str, count: int) -> None:
        if count > self._limits.max_bytes:
            raise self._too_much(name, f"more than {self._limits.max_bytes} bytes", "max_bytes")

    def _check_ratio(self, name: str) -> None:
        if self._content + self._overhead > self._allowed:
            raise self._too_much(name, f"more than {self._limits.max_ratio:g} times its size", "max_ratio")

    def _too_much(self, name: str, amount: str, limit: str) -> PedigreeError:
        return self.error(
            f"unpacks to {amount} (reached at {shown(name)})", f"if you trust it, raise unpack.{limit} in params.yaml"
        )
