"""Opens a photo that the census has found usable; anything that goes wrong is one clear error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from pedigree.errors import PedigreeError

LARGE = 30_000_000  # pixels; decoded and converted, they take about 240 MB


def is_large(path: Path) -> bool:
    """Whether a photo has so many pixels that only one thread should work on such photos.

    It has to be the same thread for all of them, because the C library keeps the memory that a thread has freed.
    """
    try:
        with Image.open(path) as photo:
            return photo.width * photo.height > LARGE
    except Exception:  # the thread that decodes it reports what is wrong
        return False


@contextmanager
def opened(path: Path, problem: str = "does not decode", command: str = "validate") -> Iterator[Image.Image]:
    """Open the photo at `path`, to decode it inside the block.

    Raises:
        PedigreeError: with the path, `problem` and the command to run again, if the block fails.
    """
    try:
        with Image.open(path) as photo:
            yield photo
    except MemoryError:  # says nothing about the photo
        raise
    except Exception as error:  # decoders raise many kinds of exceptions
        raise PedigreeError(f"{path} {problem} ({reason(error)}): run `pedigree {command}` again.") from None


def reason(error: Exception) -> str:
    """Return the message of a decoder's exception on one line."""
    return " ".join(str(error).split()) or type(error).__name__
