"""How much memory large photos take: one at a time, and no more than a few times their pixels."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from PIL import Image

SCRIPT = """
import resource, sys
from pathlib import Path
from pedigree.crop.threads import crop_photos
from pedigree.photos.plans import Plan
from pedigree.photos.windows import Window
folder, side = Path(sys.argv[1]), int(sys.argv[2])
memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
plans = [Plan("dog.png", "", "", "", (), (Window(0, 0, side, side),), 0.0, 1.0)] * 6
before = memory()
(crops, *_) = list(crop_photos(folder, plans, 32, workers=6))
print(memory() - before, crops[0].mean())
"""


@pytest.mark.parametrize(("mode", "color"), [("RGBA", (255, 0, 0, 128)), ("I;16", 40_000)])
def test_large_photos_are_decoded_one_at_a_time(mode: str, color: tuple[int, ...] | int, tmp_path: Path) -> None:
    side = 5500  # 30 megapixels
    Image.new(mode, (side, side), color).save(tmp_path / "dog.png", compress_level=1)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), str(side)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    megabytes = float(done.stdout.split()[0])
    assert megabytes < 10 * side**2 / 1e6, "10 bytes for each pixel of one photo; there are six threads"
