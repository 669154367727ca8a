"""Names of photos on the page."""

from collections.abc import Container
from dataclasses import dataclass
from pathlib import PurePosixPath

from pedigree.pages.wording import breed_name

_TWINS = ("same as ", "like ")  # a complaint that begins so names another photo


@dataclass(frozen=True)
class ShownPhoto:
    """A photo as it is shown: `name` is "<breed>/<file>"."""

    name: str

    @property
    def breed(self) -> str:
        """The breed's name with spaces; empty for a file outside the breeds' folders."""
        return breed_name(self.name.rpartition("/")[0])

    @property
    def stem(self) -> str:
        """The name of the file without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The suffix of the file, such as ".jpg"; it may be empty."""
        return PurePosixPath(self.name).suffix


def twin(complaint: str, photos: Container[str]) -> str:
    """Return the photo that a complaint names as the same or alike; empty if it names none.

    Words may follow the photo's name.

    Args:
        complaint: such as "like n02110958-pug/a.jpg".
        photos: the names of all photos.
    """
    for words in _TWINS:
        if complaint.startswith(words):
            named = complaint.removeprefix(words)
            return next((named[:end] for end in range(len(named), 0, -1) if named[:end] in photos), "")
    return ""
