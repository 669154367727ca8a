"""Extracts one archive, of any supported kind, into files that are named by numbers.

No name from an archive is used as a path. The stage renames the files after it has checked all names.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pedigree.common.names import composed, same_name
from pedigree.common.progress import progress_bar
from pedigree.errors import PedigreeError
from pedigree.settings.params import Unpack
from pedigree.unpack.layouts import Parts, is_litter, safe_parts, shown
from pedigree.unpack.members import CHUNK, Member, Source
from pedigree.unpack.tarballs import BLOCK, compression, looks_like_tar, tar_members
from pedigree.unpack.zips import MAGICS, zip_members

PLAIN_SUFFIXES = (".csv", ".json")  # of a table of breeds and of COCO boxes, which may come without an archive


@dataclass
class Extraction:
    """What was extracted from an archive.

    Attributes:
        archive: the archive.
        folder: holds the extracted files; the name of each is its number.
        files: the number of each extracted file, by its name in the archive.
        folders: the names of the folders in the archive.
        other: the names of the files that were not extracted.
        litter: the number of files that operating systems and packers have added.
    """

    archive: Path
    folder: Path
    files: dict[Parts, int] = field(default_factory=dict)
    folders: set[Parts] = field(default_factory=set)
    other: list[Parts] = field(default_factory=list)
    litter: int = 0

    def path(self, parts: Parts) -> Path:
        """Return where the file with this name in the archive was extracted to."""
        return self.folder / str(self.files[parts])

    def source(self, parts: Parts) -> str:
        """Return the name of a file for messages: the archive's, and the file's in it."""
        inside = "/".join(parts)
        return str(self.archive) if inside == self.archive.name else f"{self.archive}: {inside}"


def check_kind(archive: Path, limits: Unpack) -> None:
    """Check that `archive` exists, can be opened and begins like an archive.

    Raises:
        PedigreeError: naming the archive, what is wrong with it and what to do.
    """
    with _opened(archive) as file:
        _kind(file, Source(archive, archive.stat().st_size, limits))


def extract(archive: Path, limits: Unpack, folder: Path, wanted: Callable[[Parts], bool]) -> Extraction:
    """Extract the files of `archive` that are `wanted` by name into `folder`, which is created.

    Raises:
        PedigreeError: naming the archive, the member, what is wrong with it and what to do.
    """
    folder.mkdir(parents=True)
    extraction, names = Extraction(archive, folder), dict[str, str]()
    with closing(_members(archive, limits)) as members:
        for member in members:
            parts = safe_parts(archive, member.name)
            if member.is_folder:
                extraction.folders.add(parts)
            elif not parts:
                raise PedigreeError(f"{archive}: a file has the name {shown(member.name)}; pack the archive again.")
            elif is_litter(parts):
                extraction.litter += 1
            else:
                _check_new(archive, member.name, parts, names)
                _add(member, parts, extraction, wanted)
    return extraction


def _add(member: Member, parts: Parts, extraction: Extraction, wanted: Callable[[Parts], bool]) -> None:
    if not wanted(parts):
        extraction.other.append(parts)
        return
    number = extraction.files[parts] = len(extraction.files)
    path = extraction.folder / str(number)
    with path.open("xb") as file:
        for chunk in member.chunks:
            file.write(chunk)
    path.chmod(0o644)


def _check_new(archive: Path, name: str, parts: Parts, names: dict[str, str]) -> None:
    """Raise if some file system would give two members the same path; `names` holds the members before."""
    key = same_name("/".join(parts))
    if key in names:
        raise PedigreeError(f"{archive}: member {_repetition(names[key], name)}; remove or rename one.")
    names[key] = name


def _repetition(one: str, other: str) -> str:
    if one == other:
        return f"{shown(other)} is there twice"
    if composed(one) == composed(other):
        return f"{shown(other, ascii)} and {shown(one, ascii)} differ only in Unicode form"
    return f"{shown(other)} and {shown(one)} differ only in case"


def _members(archive: Path, limits: Unpack) -> Generator[Member, None, None]:
    """Yield files and folders in the archive's order, with a progress bar in bytes."""
    with _opened(archive) as file:
        size = archive.stat().st_size
        source = Source(archive, size, limits)
        bar = progress_bar(label=f"unpack {archive.name}", total=size, unit="B", unit_scale=True)
        with bar, _reader(file, source) as members:
            for member in members:
                yield member
                bar.update(max(0, file.tell() - bar.n))
            bar.update(size - bar.n)


def _opened(archive: Path) -> IO[bytes]:
    if not archive.exists():
        raise PedigreeError(f"{archive} is not here: put the archive there, or correct `data` in params.yaml.")
    if not archive.is_file():
        raise PedigreeError(f"{archive} is not a file: `data` in params.yaml must name a tar or zip archive.")
    try:
        return archive.open("rb")
    except OSError as error:
        raise PedigreeError(f"{archive} cannot be opened ({error.strerror}); check its permissions.") from None


def _reader(file: IO[bytes], source: Source) -> AbstractContextManager[Iterator[Member]]:
    kind = _kind(file, source)
    if kind == "zip":
        return zip_members(file, source)
    if kind == "plain":
        return nullcontext(iter([_plain_file(file, source)]))
    return tar_members(file, source, None if kind == "tar" else kind)


def _kind(file: IO[bytes], source: Source) -> str:
    """Return "zip", "tar", a tar's compression, or "plain", by the first bytes of the archive.

    Only a file that is no archive is recognised by its name.
    """
    start = file.read(BLOCK)
    file.seek(0)
    if start.startswith(MAGICS):
        return "zip"
    if kind := compression(start) or ("tar" if looks_like_tar(start) else ""):
        return kind
    if start and source.archive.suffix.lower() in PLAIN_SUFFIXES:
        return "plain"
    problem = f"it begins with {start[:8]!r}" if start else "it is empty"
    raise source.error(
        f"is neither tar (plain, gzip, bzip2 or xz) nor zip: {problem}", "use an archive of one of these kinds"
    )


def _plain_file(file: IO[bytes], source: Source) -> Member:
    """Return the file as its own only member."""
    name = source.archive.name
    source.count_file(name, source.archive.stat().st_size)
    return Member(name, False, iter(lambda: file.read(CHUNK), b""))
