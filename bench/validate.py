"""Does validate take 20,580 photos in under 500 MB, with every core?

    python bench/validate.py [--photos 20580]

Compares the census of 2,000 photos with one thread that decodes the same photos with Pillow and does nothing else:
once as the census does (JPEG at an eighth of the size), once in full; in turn, the best of three rounds each. Then
runs the whole stage on all photos in a process of its own and prints its peak memory. The photos are JPEGs of
500 x 375 pixels in 120 breeds with annotations, each file unique through a comment in it; all of them take 1 GB of
the temporary folder.
"""

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pedigree.photos.census import take_census
from pedigree.settings.params import Crop, Validate

BREEDS, PICTURES, SIZE = 120, 40, (500, 375)
COMPARED, ROUNDS = 2000, 3
LIMIT = 500  # MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=20_580)
    parser.add_argument("--stage", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        stage()
        return
    with tempfile.TemporaryDirectory() as root:
        os.chdir(root)
        write_photos(Path("part/raw"), min(options.photos, COMPARED))
        compare(Path("part/raw"))
        write_photos(Path("data/raw"), options.photos)
        measure_stage(Path(__file__).resolve())


def write_photos(raw: Path, count: int) -> None:
    random = np.random.default_rng(0)
    pictures = [picture(random) for _ in range(PICTURES)]
    for number in range(count):
        breed = f"n{number % BREEDS:08}-breed_{number % BREEDS}"
        photo, note = raw / "Images" / breed / f"{number}.jpg", raw / "Annotation" / breed / str(number)
        photo.parent.mkdir(parents=True, exist_ok=True)
        note.parent.mkdir(parents=True, exist_ok=True)
        start, rest = (pictures[number % PICTURES][part] for part in (slice(2), slice(2, None)))
        photo.write_bytes(start + b"\xff\xfe\x00\x0a" + f"{number:08}".encode() + rest)
        note.write_text(annotation(breed))


def picture(random: np.random.Generator) -> bytes:
    """Encode large soft blotches under fine noise, about as costly as a photo."""
    blotches = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(
        SIZE, Image.Resampling.BICUBIC
    )
    noise = random.normal(0, 8, (SIZE[1], SIZE[0], 1))
    file = io.BytesIO()
    Image.fromarray((np.asarray(blotches) + noise).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=80)
    return file.getvalue()


def annotation(breed: str) -> str:
    box = "<bndbox><xmin>20</xmin><ymin>30</ymin><xmax>400</xmax><ymax>350</ymax></bndbox>"
    size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height></size>"
    named = f"<object><name>{breed.partition('-')[2]}</name>{box}</object>"
    return f"<annotation><folder>{breed[1:9]}</folder>{size}{named}</annotation>"


def compare(raw: Path) -> None:
    photos = sorted(raw.glob("Images/*/*"))
    ways = {
        "census": lambda: take_census(raw),
        "one thread, reduced": lambda: decode(photos, draft=True),
        "one thread, full": lambda: decode(photos, draft=False),
    }
    rounds = [{name: timed(work) for name, work in ways.items()} for _ in range(ROUNDS)]
    best = {name: min(seconds[name] for seconds in rounds) for name in ways}
    print(f"{len(photos)} photos on {os.cpu_count()} cores      seconds   photos/s   census is")
    for name, seconds in best.items():
        print(f"{name:32} {seconds:8.2f} {len(photos) / seconds:10.0f} {seconds / best['census']:9.2f} x as fast")


def decode(photos: list[Path], *, draft: bool) -> None:
    for path in photos:
        with Image.open(path) as photo:
            if draft:
                photo.draft(None, (photo.width // 8, photo.height // 8))
            photo.load()


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_stage(script: Path) -> None:
    seconds = timed(lambda: subprocess.run([sys.executable, script, "--stage"], check=True, stdout=subprocess.DEVNULL))
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6
    print(f"the stage, Great Expectations included: {seconds:.1f} s, peak {peak:.0f} MB (limit {LIMIT} MB)")
    if peak > LIMIT:
        raise SystemExit("over the limit")


def stage() -> None:
    from pedigree.validate.stage import validate

    bounds = Validate(breeds=None, photos_per_breed=[1, 1000], max_near_duplicates_across=1.0)
    validate(Path("data/raw"), bounds, Crop())


if __name__ == "__main__":
    main()
