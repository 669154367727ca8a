"""Members of a zip archive that has equal bytes whenever its content is equal."""

import zipfile

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time of the format


def add_member(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Write a member with a fixed time, not compressed, into an archive that is open for writing."""
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
