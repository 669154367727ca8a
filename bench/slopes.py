"""How the cost of each stage grows with the number of photos: processor seconds, peak memory, bytes on disk.

    python bench/slopes.py [FOLDER with images.tar and annotation.tar] [--photos 5000 10000 20000 38000] [--out FOLDER]

Writes `slopes.csv` and `slopes.svg` to OUT (default runs/slopes), and prints a table. The photos of the archive are
taken evenly from all breeds. If it has too few, they are taken again upside down, which no check takes for a copy. The
generator that comes with Pedigree is scored, so the photos should be of Stanford Dogs. Training is left out: its time
is a parameter, not a question of the number of photos. Processor seconds count the work of all cores, so other
programs on the machine hardly change them.
"""

import argparse
import io
import json
import math
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from PIL import Image

from pedigree.pages.axes import around
from pedigree.settings.overrides import override

ROOT = Path(__file__).resolve().parents[1]
STAGES = "unpack", "validate", "crop", "score"
WRITES = {"unpack": ["data/raw"], "validate": ["data/census.csv"], "crop": ["data/crops"], "score": ["runs/features"]}
COLORS = "#4363d8", "#e6194b", "#3cb44b", "#f58231"
MEASURE = """
import json, pathlib, sys
from memory import measure
print(json.dumps(measure(pathlib.Path(sys.argv[1]), "-m", "pedigree", sys.argv[2])))
"""
JPEG = {"format": "JPEG", "quality": 90}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT.parent / "shared/data/stanford120")
    parser.add_argument("--photos", nargs="+", type=int, default=[5_000, 10_000, 20_000, 38_000])
    parser.add_argument("--out", type=Path, default=Path("runs/slopes"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for count in options.photos:
        with tempfile.TemporaryDirectory() as project:
            rows += measured(options.folder, Path(project), count)
        pd.DataFrame(rows).to_csv(options.out / "slopes.csv", index=False, float_format="%.6g")
    table = pd.DataFrame(rows)
    print(table.assign(exponent=exponents(table)).to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    (options.out / "slopes.svg").write_text("\n".join(plot(table)) + "\n")


def measured(folder: Path, project: Path, count: int) -> list[dict[str, object]]:
    """Run the stages on that many photos in a new project; return a row for each."""
    shutil.copy(ROOT / "params.yaml", project)
    breeds = write_archives(folder, project, count)
    override(
        {
            "data.images": "images.tar",
            "data.annotations": "annotation.tar",
            "unpack.max_files": 10_000_000,
            "validate.breeds": breeds,
            "validate.photos_per_breed": [1, 1_000_000],
            "crop.size": 64,
            "crop.fit": "head",
            "score.extractor": "efficientnet-lite2",
            "score.other_judges": [],
        },
        project / "params.yaml",
    )
    (project / "models").mkdir()
    shutil.copy(ROOT / "src/pedigree/shipped/stanford-dogs.keras", project / "models/generator.keras")
    rows = []
    for stage in STAGES:
        seconds, memory = run(project, stage)
        bytes_written = sum(size_of(project / place) for place in WRITES[stage])
        rows.append(
            {"photos": count, "stage": stage, "seconds": seconds, "memory_mb": memory, "disk_mb": bytes_written}
        )
        print(f"{count} photos, {stage}: {seconds:.0f} processor seconds, {memory:.0f} MB", flush=True)
    return rows


def write_archives(folder: Path, project: Path, count: int) -> int:
    """Write two archives with `count` photos; return the number of breeds."""
    with (
        tarfile.open(folder / "images.tar") as photos,
        tarfile.open(folder / "annotation.tar") as notes,
        tarfile.open(project / "images.tar", "w") as images,
        tarfile.open(project / "annotation.tar", "w") as annotations,
    ):
        known = {member.name: member for member in notes if member.isfile()}
        breeds = defaultdict(list)
        for member in photos:
            if member.isfile():
                breeds[Path(member.name).parent].append(member)
        for turned, member in chosen(list(breeds.values()), count):
            place = Path(member.name)
            note = known[f"Annotation/{place.parent.name}/{place.stem}"]
            content, text = photos.extractfile(member).read(), notes.extractfile(note).read()
            name = f"{place.stem}{'-turned' if turned else ''}"
            add(images, str(place.with_stem(name)), upside_down(content) if turned else content)
            add(annotations, str(Path(note.name).with_name(name)), text)
    return len(breeds)


def chosen(breeds: list[list[tarfile.TarInfo]], count: int) -> Iterator[tuple[bool, tarfile.TarInfo]]:
    """Yield `count` photos, one of each breed after the other; when there are no more, again, to be turned."""
    longest = max(map(len, breeds))
    rounds = [
        (turned, photos[n]) for turned in (False, True) for n in range(longest) for photos in breeds if n < len(photos)
    ]
    if len(rounds) < count:
        sys.exit(f"The archive has photos for {len(rounds)} at most.")
    yield from rounds[:count]


def upside_down(content: bytes) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as photo:
        photo.convert("RGB").transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(file, **JPEG)
    return file.getvalue()


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def run(project: Path, stage: str) -> tuple[float, float]:
    """Run a stage; return its processor seconds and its peak resident memory in MB.

    A small process in between starts it, because the count of memory begins with that of the process that starts it.
    """
    command = [sys.executable, "-c", MEASURE, project, stage]
    done = subprocess.run(command, cwd=ROOT / "bench", check=True, stdout=subprocess.PIPE, text=True)
    peak, _, seconds = json.loads(done.stdout)
    return seconds, peak


def size_of(path: Path) -> float:
    """Return the MB of a file or folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def exponents(table: pd.DataFrame) -> pd.Series:
    """Return for each row the growth since the row of fewer photos: 1 is linear, 2 quadratic."""
    before = table.groupby("stage").shift()
    return (table["seconds"] / before["seconds"]).map(math.log) / (table["photos"] / before["photos"]).map(math.log)


def plot(table: pd.DataFrame) -> Iterator[str]:
    """Yield the lines of an SVG: processor seconds over photos."""
    across, up = around(0, table["photos"].max(), 60, 560), around(0, table["seconds"].max(), 360, 20)
    yield '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 400" font-family="sans-serif" font-size="12">'
    yield '<rect width="680" height="400" fill="white"/>'
    for tick in up.ticks():
        yield f'<path d="M60 {tick.at}H560" stroke="#ddd"/>'
        yield f'<text x="54" y="{tick.at + 4}" text-anchor="end">{tick.label}</text>'
    for tick in across.ticks():
        yield f'<text x="{tick.at}" y="378" text-anchor="middle">{tick.label}</text>'
    yield '<text x="310" y="396" text-anchor="middle">photos</text>'
    yield '<text x="60" y="12">processor seconds</text>'
    for color, (stage, rows) in zip(COLORS, table.groupby("stage", sort=False), strict=True):
        points = [(across.place(row.photos), up.place(row.seconds)) for row in rows.itertuples()]
        line = " ".join(f"{x},{y}" for x, y in points)
        yield f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>'
        yield f'<text x="566" y="{points[-1][1] + 4}" fill="{color}">{stage}</text>'
    yield "</svg>"


if __name__ == "__main__":
    main()
