"""Speed and peak memory of unpacking against `tar xf`, on the same archives, in turn, in one run.

    python bench/unpack.py [FOLDER]     a folder with images.tar and annotation.tar; default ../shared/data/stanford4

Times are medians of seven; `unpack` is timed without Python's start. Memory is the most the process held, and what of
it was there before unpacking began.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7


def main() -> None:
    """Compare, and print one table."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/stanford4").resolve()
    archives = [folder / "images.tar", folder / "annotation.tar"]
    if missing := [str(archive) for archive in archives if not archive.is_file()]:
        sys.exit(f"{', '.join(missing)} not here: give a folder with images.tar and annotation.tar.")
    with tempfile.TemporaryDirectory() as scratch:
        rounds = [(by_tar(archives, Path(scratch)), by_unpack(archives, Path(scratch))) for _ in range(ROUNDS)]
    report(archives, [tar for tar, _ in rounds], [ours for _, ours in rounds])


def by_tar(archives: list[Path], scratch: Path) -> float:
    """Seconds that `tar xf` takes for both archives into an empty folder."""
    target = fresh(scratch / "tar")
    start = time.perf_counter()
    for archive in archives:
        subprocess.run(["tar", "xf", archive], cwd=target, check=True)
    return time.perf_counter() - start


def by_unpack(archives: list[Path], scratch: Path) -> dict[str, float]:
    """Seconds and memory of `unpack` in a process of its own, into an empty folder."""
    command = [sys.executable, __file__, "--child", *archives, fresh(scratch / "ours") / "raw"]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(ran.stdout)


def child(images: Path, annotations: Path, target: Path) -> None:
    """Unpack once, and print what it took as JSON."""
    from pedigree.settings import params
    from pedigree.unpack.stage import unpack

    limits = params.Unpack(max_files=200_000, max_bytes=20_000_000_000, max_ratio=100.0)
    before, start = peak(), time.perf_counter()
    unpack(images, annotations, limits, target)
    print(json.dumps({"seconds": time.perf_counter() - start, "before": before, "peak": peak()}))


def peak() -> float:
    """The most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fresh(folder: Path) -> Path:
    """Empty `folder`, and let the disk catch up, so that no round pays for another's writing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.sync()
    return folder


def report(archives: list[Path], tar: list[float], ours: list[dict[str, float]]) -> None:
    """Print medians, the ratio of each pair's times, and memory."""
    size = sum(archive.stat().st_size for archive in archives) / 1e6
    seconds = [one["seconds"] for one in ours]
    ratio = statistics.median(one / other for one, other in zip(seconds, tar, strict=True))
    print(f"{archives[0].parent.name}: {size:.1f} MB in {len(archives)} archives, medians of {ROUNDS}")
    print(f"  tar xf  {statistics.median(tar):.3f} s")
    print(f"  unpack  {statistics.median(seconds):.3f} s, {ratio:.2f} times tar's (median of pairs)")
    print(f"  memory  {max(one['peak'] for one in ours):.1f} MiB, {ours[0]['before']:.1f} before unpacking")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*map(Path, sys.argv[2:]))
    else:
        main()
