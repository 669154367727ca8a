"""Crop throughput against a plain Pillow loop, in one run, and the stage's peak memory.

    python bench/crop.py [FOLDER with images.tar and annotation.tar] [--repeats N] [--sizes 32 64] [--workers N]

The plain loop opens a photo, converts it to RGB, crops each window and resizes it with Lanczos. Both are given the same
photos and windows and end with the crops in memory; they take turns, and the median of the ratios is printed. Wall time
shows all cores at work; processor time shows the work itself, for when the machine is busy with something else.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pedigree.crop.threads import crop_photos
from pedigree.photos.census import read_census, take_census, write_census
from pedigree.photos.plans import Plan, plan_crops
from pedigree.photos.verdict import write_verdict
from pedigree.settings import params
from pedigree.unpack.stage import unpack

STANFORD = Path(__file__).parents[2] / "shared" / "data" / "stanford4"
AIM = 4.0

STAGE = """
import re, sys
from pathlib import Path
from pedigree.settings import params
from pedigree.crop.stage import crop
root, size = Path(sys.argv[1]), int(sys.argv[2])
def peak():  # not getrusage, which a process started by another inherits
    return re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
before = peak()
crop(root / "raw", root / "census.csv", root / "verdict.json",
     params.Crop(size=size, frames="boxes", padding=0.1, min_box=24, max_aspect=4.0, holdout=0.2, seed=0,
                 scheduler=None),
     root / "crops", root / "crops.png", root / "crops.json")
print(before, peak())
"""


def settings(size: int) -> params.Crop:
    return params.Crop(
        size=size, frames="boxes", padding=0.1, min_box=24, max_aspect=4.0, holdout=0.2, seed=0, scheduler=None
    )


def prepare(archives: Path, root: Path) -> None:
    """Unpack both archives into `root/raw` and take their census."""
    unpack(archives / "images.tar", archives / "annotation.tar", params.load(params.Unpack), root / "raw")
    write_census(take_census(root / "raw"), root / "census.csv")
    write_verdict(True, root / "verdict.json")


def plain_loop(images: Path, plans: Sequence[Plan], size: int) -> list[np.ndarray]:
    crops = []
    for plan in plans:
        photo = Image.open(images / plan.photo).convert("RGB")
        for window in plan.windows:
            left, top = round(window.xmin), round(window.ymin)
            box = (left, top, left + round(window.width), top + round(window.height))
            crops.append(np.asarray(photo.crop(box).resize((size, size), Image.Resampling.LANCZOS)))
    return crops


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def compare(root: Path, size: int, repeats: int, workers: int) -> None:
    images, census = root / "raw" / "Images", read_census(root / "census.csv")
    plans, _ = plan_crops(census, settings(size))
    ways = {
        "plain loop": lambda: plain_loop(images, plans, size),
        "pedigree, 1 worker": lambda: list(crop_photos(images, plans, size, 1)),
        f"pedigree, {workers} workers": lambda: list(crop_photos(images, plans, size, workers)),
    }
    for work in ways.values():
        work()
    times = [{way: timed(work) for way, work in ways.items()} for _ in range(repeats)]
    print(f"\n{size} px: {len(plans)} photos, {sum(len(plan.windows) for plan in plans)} crops, {repeats} repeats")
    for way in ways:
        wall, processor = (statistics.median(turn[way][kind] for turn in times) for kind in (0, 1))
        print(
            f"  {way:<22} {len(plans) / wall:7.0f} photos/s  wall {wall:.3f} s, {gain(times, way, 0):.2f}x  "
            f"processor {processor:.3f} s, {gain(times, way, 1):.2f}x"
        )
    reached = gain(times, way, 0)
    print(f"  {'reached' if reached >= AIM else 'missed'}: {reached:.2f}x of the aimed {AIM:g}x")


def gain(times: Sequence[dict[str, tuple[float, float]]], way: str, kind: int) -> float:
    """Return the median over the turns of how many times quicker than the plain loop of the same turn."""
    return statistics.median(turn["plain loop"][kind] / turn[way][kind] for turn in times)


def peak_memory(root: Path, size: int) -> None:
    """Run the whole stage in a process of its own."""
    command = [sys.executable, "-c", STAGE, str(root), str(size)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    imports, peak = (int(kilobytes) / 1024 for kilobytes in output.split())
    print(f"  the whole stage in a process of its own: peak {peak:.0f} MB, of which {imports:.0f} MB are imports")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", nargs="?", type=Path, default=STANFORD)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare(given.archives, Path(folder))
        print(f"load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for size in given.sizes:
            compare(Path(folder), size, given.repeats, given.workers)
            peak_memory(Path(folder), size)


if __name__ == "__main__":
    main()
