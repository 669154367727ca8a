"""Which faults does validate find in real photos, and what does it flag besides? Beside CleanVision, on the same ones.

    python bench/faults.py [FOLDER with images.tar and annotation.tar] [--photos 2000] [--shares 0.01 0.05]
        [--extractor efficientnet-lite0] [--strangers FOLDER] [--cleanvision PYTHON]

Plants each kind of fault in a share of the photos: copies of photos that were saved again, resized, mirrored, cut by
5 % at a random place, or recoloured, half of them under another breed's name; and photos that are blurred, black, cut
short with an end mark, moved to another breed, or replaced by pictures that show no dog (the JPEGs in `--strangers`).
Every fault is in a photo of its own. Prints for each kind how many of them are found, and how many other photos the
same check flags with the faults and without. `--cleanvision` names an interpreter with cleanvision 0.3.7.
"""

import argparse
import io
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from pedigree.settings.params import Crop, Unpack, Validate
from pedigree.unpack.stage import unpack
from pedigree.validate.stage import validate

STANFORD = Path(__file__).parents[2] / "shared" / "data" / "stanford4"

CLEANVISION = """
import json, sys, time
from cleanvision import Imagelab
start = time.perf_counter()
lab = Imagelab(data_path=sys.argv[1], verbose=False)
lab.find_issues(n_jobs=2, verbose=False)
issues = lab.issues
found = {name[3:-6]: sorted(map(str, issues.index[issues[name]])) for name in issues if name.startswith("is_")}
print(json.dumps({"seconds": time.perf_counter() - start, "found": found}))
"""

COPIES = {"saved again", "resized", "mirrored", "cut by 5 %", "recoloured"}
OURS = {  # the complaints that name a kind of fault
    **dict.fromkeys(COPIES, ("alike", "alike_elsewhere", "repeats", "elsewhere")),
    **dict.fromkeys(("blurred", "black"), ("unclear",)),
    "half grey": ("problem",),
    "wrong breed": ("suspect", "misnamed"),
    "no dog": ("stranger",),
}
THEIRS = {  # the issues of CleanVision that do
    **dict.fromkeys(COPIES, ("near_duplicates", "exact_duplicates")),
    "blurred": ("blurry",),
    "black": ("dark", "low_information"),
    "half grey": ("low_information", "blurry", "dark"),
}


@dataclass
class Planted:
    """The names of the photos with each kind of fault, and for each copy the photo that it is a copy of."""

    faults: dict[str, list[str]] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)

    @property
    def concerned(self) -> set[str]:
        return {*self.originals.values(), *(name for faulty in self.faults.values() for name in faulty)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=STANFORD)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.05])
    parser.add_argument("--extractor", default=None)
    parser.add_argument("--strangers", type=Path, default=None)
    parser.add_argument("--cleanvision", metavar="PYTHON", default=os.environ.get("CLEANVISION_PYTHON"))
    options = parser.parse_args()
    for name in ("folder", "strangers"):
        if getattr(options, name):
            setattr(options, name, getattr(options, name).resolve())
    for share in options.shares:
        with tempfile.TemporaryDirectory() as root:
            os.chdir(root)
            unpack(options.folder / "images.tar", options.folder / "annotation.tar", Unpack(), Path("raw"))
            thin(Path("raw"), options.photos)
            print(f"{options.folder.name}, {share:.0%} of {len(names(Path('raw')))} photos with each fault")
            sound, theirs_sound = ours(options.extractor)[1], theirs(options.cleanvision)[1]
            planted = plant(Path("raw"), share, options.strangers)
            seconds, found = ours(options.extractor)
            theirs_seconds, theirs_found = theirs(options.cleanvision)
            report("validate", OURS, planted, found, sound, seconds)
            if options.cleanvision:
                report("CleanVision", THEIRS, planted, theirs_found, theirs_sound, theirs_seconds)
            os.chdir("/")


def names(raw: Path) -> list[str]:
    return sorted(str(path.relative_to(raw / "Images")) for path in (raw / "Images").glob("*/*"))


def thin(raw: Path, count: int) -> None:
    """Delete all but `count` photos, evenly."""
    every = names(raw)
    kept = {every[place] for place in np.linspace(0, len(every) - 1, min(count, len(every))).round().astype(int)}
    for name in set(every) - kept:
        (raw / "Images" / name).unlink()


def plant(raw: Path, share: float, strangers: Path | None) -> Planted:
    """Plant every kind of fault in `share` of the photos."""
    random = np.random.default_rng(0)
    every = names(raw)
    breeds = sorted({name.partition("/")[0] for name in every})
    photos = iter(random.permutation(every).tolist())
    number, planted = max(1, round(share * len(every))), Planted()
    for kind, change in CHANGES.items():
        for place in range(number):
            name = next(photos)
            breed = name.partition("/")[0]
            content = change((raw / "Images" / name).read_bytes(), random)
            if kind in COPIES:
                other = breeds[(breeds.index(breed) + 1) % len(breeds)] if place % 2 else breed
                original, name = name, f"{other}/copy-{kind.replace(' ', '-').replace('%', '')}-{place}.jpg"
                planted.originals[name] = original
            (raw / "Images" / name).write_bytes(content)
            planted.faults.setdefault(kind, []).append(name)
    for place in range(number):
        name = next(photos)
        breed, _, file = name.partition("/")
        other = breeds[(breeds.index(breed) + int(random.integers(1, len(breeds)))) % len(breeds)]
        note = raw / "Annotation" / breed / Path(file).stem
        named = (
            note.read_text().replace(breed.partition("-")[2], other.partition("-")[2]).replace(breed[1:9], other[1:9])
        )
        moved = f"{other}/moved-{place}-{file}"
        (raw / "Annotation" / moved).with_suffix("").write_text(named)
        (raw / "Images" / name).rename(raw / "Images" / moved)
        planted.faults.setdefault("wrong breed", []).append(moved)
    for picture in spread_over(strangers, number):
        name = next(photos)
        with Image.open(picture) as photo:
            (raw / "Annotation" / name).with_suffix("").unlink(missing_ok=True)
            (raw / "Images" / name).write_bytes(encoded(photo.convert("RGB"), 90))
        planted.faults.setdefault("no dog", []).append(name)
    return planted


def spread_over(folder: Path | None, count: int) -> list[Path]:
    """Return at most `count` of the pictures in a folder, evenly chosen."""
    pictures = sorted(folder.rglob("*.jpg")) if folder else []
    places = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int)
    return [pictures[place] for place in places]


def encoded(photo: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality)
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def resized(content: bytes, _: np.random.Generator) -> bytes:
    photo = opened(content)
    return encoded(photo.resize((photo.width * 6 // 10, photo.height * 6 // 10), Image.Resampling.LANCZOS), 90)


def cut(content: bytes, random: np.random.Generator) -> bytes:
    photo = opened(content)
    width, height = (round(0.95 * side) for side in photo.size)
    left, top = (
        int(random.integers(0, side - kept + 1)) for side, kept in zip(photo.size, (width, height), strict=True)
    )
    return encoded(photo.crop((left, top, left + width, top + height)), 90)


def recoloured(content: bytes, random: np.random.Generator) -> bytes:
    """Warm or cool the colours, and change brightness and contrast."""
    factors = random.uniform(0.75, 1.25, 3)
    values = (np.asarray(opened(content), np.float32) - 128) * random.uniform(0.8, 1.2) + 128
    return encoded(Image.fromarray((values * factors).clip(0, 255).astype(np.uint8)), 90)


def blurred(content: bytes, _: np.random.Generator) -> bytes:
    photo = opened(content)
    return encoded(photo.filter(ImageFilter.GaussianBlur(min(photo.size) / 60)), 90)


def black(content: bytes, random: np.random.Generator) -> bytes:
    """A photo taken with the lens cap on: black, with a little noise."""
    width, height = opened(content).size
    return encoded(Image.fromarray(random.integers(0, 6, (height, width, 3)).astype(np.uint8)), 90)


CHANGES: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "saved again": lambda content, _: encoded(opened(content), 40),
    "resized": resized,
    "mirrored": lambda content, _: encoded(opened(content).transpose(Image.Transpose.FLIP_LEFT_RIGHT), 90),
    "cut by 5 %": cut,
    "recoloured": recoloured,
    "blurred": blurred,
    "black": black,
    "half grey": lambda content, _: content[: len(content) // 2] + b"\xff\xd9",
}


def ours(extractor: str | None) -> tuple[float, dict[str, set[str]]]:
    """Return the seconds that the stage took, and the photos with each complaint."""
    bounds = replace(Validate(), breeds=None, photos_per_breed=[1, 10_000], extractor=extractor)
    loose = {name: 1.0 for name in vars(bounds) if name.startswith("max_") and name != "max_imbalance"}
    bounds = replace(bounds, min_decodable=0.0, max_imbalance=1e6, **loose)
    start = time.perf_counter()
    table = validate(Path("raw"), bounds, Crop()).complaints.set_index("photo")
    return time.perf_counter() - start, {column: set(table.index[table[column] != ""]) for column in table}


def theirs(python: str | None) -> tuple[float, dict[str, set[str]]]:
    if not python:
        return 0, {}
    command = [python, "-c", CLEANVISION, str(Path("raw/Images").resolve())]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    root = Path("raw/Images").resolve()
    found = {kind: {str(Path(path).relative_to(root)) for path in paths} for kind, paths in result["found"].items()}
    return result["seconds"], found


def report(
    tool: str,
    checks: dict[str, tuple[str, ...]],
    planted: Planted,
    found: dict[str, set[str]],
    sound: dict[str, set[str]],
    seconds: float,
) -> None:
    print(f"  {tool}, {seconds:.1f} s{'planted':>20}{'found':>8}{'others flagged':>16}{'without faults':>16}")
    for kind, faulty in planted.faults.items():
        flagged = set().union(*(found.get(check, set()) for check in checks.get(kind, ())))
        before = set().union(*(sound.get(check, set()) for check in checks.get(kind, ())))
        hits = sum(name in flagged or planted.originals.get(name) in flagged for name in faulty)
        print(f"    {kind:<24}{len(faulty):>8}{hits:>8}{len(flagged - planted.concerned):>16}{len(before):>16}")


if __name__ == "__main__":
    main()
